// A short fault run on each engine: every kind of fault twice, restarts of the broker among them. The long run is
// main.ts. FAULTS_SEED repeats one; where faults fall depends on the machine, too.

import assert from "node:assert/strict";
import { env } from "node:process";
import { test } from "node:test";
import { withoutMosquitto } from "../end-to-end/broker/mosquitto.ts";
import { ENGINES } from "../engines/engines.ts";
import { LINK_FAULTS } from "./proxy.ts";
import { type Fault, faultsOf, runFaults } from "./run.ts";
import type { ServerName } from "./servers.ts";

const seed = Number(env.FAULTS_SEED ?? Math.floor(Math.random() * 2 ** 31));
const EVENTS = 300;

const RUNS: { server: ServerName; kinds: Fault[]; skip: string | false }[] = [
  { server: "mosquitto", kinds: [...LINK_FAULTS, "takeover", "restart"], skip: withoutMosquitto() },
  { server: "platform", kinds: [...LINK_FAULTS, "takeover"], skip: false },
];

for (const engine of ENGINES) {
  for (const { server, kinds, skip } of RUNS) {
    test(`${engine}, ${server}: every fault twice, nothing lost, QoS 2 never twice`, { skip }, async t => {
      t.diagnostic(`FAULTS_SEED=${seed}`);
      const options = { engine, server, events: EVENTS, faults: 2 * kinds.length, restarts: true, seed };
      const report = await runFaults(options);
      assert.deepEqual(faultsOf(report), []);
      assert.deepEqual(report.faults, Object.fromEntries(kinds.map(kind => [kind, 2])));
      assert.ok(report.events.q2.sent >= EVENTS && report.commands.q2.sent >= EVENTS && report.resent > 0);
      t.diagnostic(`${report.events.q1.sent} messages of each kind, ${report.resent} packets sent again`);
    });
  }
}
