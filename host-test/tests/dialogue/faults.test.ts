// A client and a durable server over a link that is cut, slowed, and delivers in pieces, as a seed decides: every message
// accepted is delivered as its QoS says, in both directions, in order.

import assert from "node:assert/strict";
import { test } from "node:test";
import { utf8 } from "../../harness/testing/bytes.ts";
import { seeded } from "../../harness/testing/random.ts";
import { mqtt, type Stage } from "../support/device.ts";
import { FakeServer } from "../support/fake-server.ts";
import type { MqttClient } from "../support/subject.ts";

interface Outcome {
  /** What was accepted at QoS 1 and 2, and what `done` said of it. */
  accepted: string[];
  confirmed: string[];
  server: FakeServer;
  commands: string[];
  arrived: string[];
  cuts: number;
}

// Texts begin with their QoS; every eighth is larger than the transmit buffer.
function text(qos: number, n: number): string {
  return n % 8 ? `${qos}:${n}` : `${qos}:${n}:`.padEnd(400, "x");
}

function run(seed: number, steps: number, forgetful: boolean): Outcome {
  const random = seeded(seed);
  const pick = (most: number) => Math.floor(random() * most);
  const stage: Stage<MqttClient> = mqtt({
    clean: false,
    limits: { transmitBytes: 128 + pick(300), inflight: 1 + pick(10) },
  });
  stage.net.chance = random();
  const server = new FakeServer();
  const outcome: Outcome = { accepted: [], confirmed: [], server, commands: [], arrived: [], cuts: 0 };
  stage.client.messageCallback = ({ payload }) => outcome.arrived.push(Buffer.from(payload).toString());
  const begin = () => {
    stage.link.room = pick(3) ? Number.POSITIVE_INFINITY : pick(200);
    server.take(stage.link);
    stage.link.opens();
  };
  const cut = () => {
    outcome.cuts++;
    server.forgetful = forgetful && pick(2) === 0;
    stage.link.ends("cut");
    while (stage.client.stateName === "reconnect-wait") stage.clock.jumpToNext();
    begin();
  };
  stage.client.connect();
  begin();
  for (let step = 0; step < steps; step++) {
    const kind = pick(100);
    if (kind < 25) {
      const qos = pick(3) as 0 | 1 | 2;
      const name = text(qos, step);
      const taken = stage.client.publish("to/server", utf8(name), qos, false, error => {
        if (!error && qos) outcome.confirmed.push(name);
      });
      if (taken && qos) outcome.accepted.push(name);
    } else if (kind < 35) {
      const qos = (1 + pick(2)) as 1 | 2;
      const name = text(qos, step);
      outcome.commands.push(name);
      server.send(name, qos);
    } else if (kind < 65) server.reads(1 + pick(300));
    else if (kind < 90) server.arrives(1 + pick(300));
    else if (kind < 97) stage.link.drains(1 + pick(200));
    else cut();
  }
  // From here on nothing is lost: it must come to rest.
  for (let round = 0; round < 2000; round++) {
    stage.link.drains();
    server.reads(100_000);
    server.arrives(100_000);
    if (
      !server.unread &&
      !server.underway &&
      !server.owed &&
      !stage.client.counters.queued &&
      !stage.client.counters.inflight
    ) {
      return outcome;
    }
  }
  throw new Error(`seed ${seed} does not come to rest: ${JSON.stringify(stage.client.counters)}`);
}

function counts(names: string[]): Map<string, number> {
  const found = new Map<string, number>();
  for (const name of names) found.set(name, (found.get(name) ?? 0) + 1);
  return found;
}

function firsts(names: string[]): string[] {
  return [...new Set(names)];
}

const short = (name: string) => name.slice(0, 12);

function checkDelivery(sent: string[], got: string[], twice: boolean, where: string): void {
  const found = counts(got);
  for (const name of sent) {
    const times = found.get(name) ?? 0;
    assert.ok(times > 0, `${where}: ${short(name)} is lost`);
    if (name.startsWith("2") && !twice) assert.equal(times, 1, `${where}: ${short(name)} came ${times} times`);
  }
  for (const name of found.keys())
    assert.ok(sent.includes(name) || name.startsWith("0"), `${where}: ${short(name)} was never sent`);
}

const SEEDS = Array.from({ length: 60 }, (_, n) => n + 1);

test("a server that keeps its session: QoS 1 none lost, QoS 2 none lost and none twice, in order, both ways", () => {
  let cuts = 0;
  let messages = 0;
  for (const seed of SEEDS) {
    const outcome = run(seed, 1500, false);
    const { accepted, confirmed, server, commands, arrived } = outcome;
    checkDelivery(accepted, server.delivered, false, `seed ${seed}, events`);
    checkDelivery(commands, arrived, false, `seed ${seed}, commands`);
    assert.deepEqual(
      firsts(server.delivered.filter(name => !name.startsWith("0"))),
      accepted,
      `seed ${seed}: order of events`,
    );
    assert.deepEqual(firsts(arrived), commands, `seed ${seed}: order of commands`);
    assert.deepEqual([...confirmed].sort(), [...accepted].sort(), `seed ${seed}: each told once`);
    cuts += outcome.cuts;
    messages += accepted.length + commands.length;
  }
  // The faults did happen.
  assert.ok(cuts > 1000 && messages > 10_000, `${cuts} cuts, ${messages} messages`);
});

test("a server that loses its session half of the times: nothing accepted is lost", () => {
  for (const seed of SEEDS.slice(0, 20)) {
    const { accepted, confirmed, server } = run(seed, 1500, true);
    checkDelivery(accepted, server.delivered, true, `seed ${seed}`);
    assert.deepEqual([...confirmed].sort(), [...accepted].sort(), `seed ${seed}: each told once`);
  }
});
