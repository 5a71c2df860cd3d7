// A short life over real sockets, link cuts and silences in it, several times over: sockets, their listeners and the
// client's timers are as many after each as before on Node, and the heap in XS is as large. Two hours of the fake clock:
// ../dialogue/soak.test.ts.

import assert from "node:assert/strict";
import { EventEmitter, once } from "node:events";
import { Socket } from "node:net";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { startXs } from "../../harness/xs/host.ts";
import { BUNDLE, type Call, startEngine } from "../engines/engines.ts";
import { type LinkFault, RoughProxy } from "./proxy.ts";
import { deviceOptions, startServer } from "./servers.ts";

const PROGRAM = fileURLToPath(new URL("device.js", import.meta.url));
const ROUNDS = 4;
const EVENTS = 100;
/** AckDeadline and Redeliveries come when they are needed and go with their connections: 4 slots each. */
const PASSING_SLOTS = [0, 4, 8];
const FAULTS: LinkFault[] = ["cut", "reset", "swallow", "split", "cut"];

/** What runs the device of device.js, and what of it is counted at rest. */
interface Subject {
  invoke(name: string, value?: unknown): Promise<unknown>;
  counts(): Promise<Record<string, number>>;
  close(): Promise<void>;
}

type Start = (argument: unknown, calls: Record<string, Call>) => Promise<Subject>;

const onNode: Start = async (argument, calls) => {
  const engine = await startEngine("node", PROGRAM, argument, calls);
  return {
    invoke: (name, value) => engine.invoke(name, value),
    counts: async () => {
      // All of this process, the far end included. Those of sockets are in no public list.
      const handles = (process as unknown as { _getActiveHandles(): object[] })._getActiveHandles();
      const sockets = handles.filter(handle => handle instanceof Socket);
      const listeners = sockets.map(one => one.eventNames().reduce((sum, name) => sum + one.listenerCount(name), 0));
      return {
        sockets: sockets.length,
        listeners: listeners.reduce((sum, count) => sum + count, 0),
        timers: (await engine.invoke<{ timers: number }>("figures")).timers,
      };
    },
    close: () => engine.close(),
  };
};

const inXs: Start = async (argument, calls) => {
  const xs = await startXs({ calls });
  await xs.evaluate(`(async () => {
    const lib = await import(${JSON.stringify(BUNDLE)});
    const { start } = await import(${JSON.stringify(PROGRAM)});
    const functions = start({ lib, ports: host.ports, argument: ${JSON.stringify(argument)}, call: host.call });
    for (const name in functions) host.register(name, functions[name]);
  })()`);
  return {
    invoke: (name, value) => xs.call(name, value),
    counts: async () => {
      const { timers } = await xs.call<{ timers: number }>("figures");
      const { slots, chunkBytes } = await xs.heap();
      return { slots, chunkBytes, timers };
    },
    close: () => xs.close(),
  };
};

async function soak(start: Start): Promise<Record<string, number>[]> {
  const server = await startServer("platform");
  const proxy = await RoughProxy.start(server.port, () => () => {});
  const bell = new EventEmitter();
  const subject = await start(
    { options: deviceOptions(proxy.port), speed: 200 },
    {
      subscribed: () => bell.emit("subscribed"),
      settled: () => bell.emit("settled"),
      disconnected: () => {},
      command: () => {},
    },
  );
  const counts: Record<string, number>[] = [];
  try {
    const subscribed = once(bell, "subscribed");
    await subject.invoke("connect");
    await subscribed;
    for (let round = 1; round <= ROUNDS; round++) {
      const settled = once(bell, "settled");
      const faulty = (async () => {
        for (const fault of FAULTS) await proxy.after(500, fault);
      })();
      await subject.invoke("target", round * EVENTS);
      await settled;
      await faulty;
      counts.push(await subject.counts());
    }
    await subject.invoke("disconnect");
  } finally {
    await subject.close();
    proxy.close();
    await server.close();
  }
  return counts;
}

for (const [name, start] of [
  ["on Node: sockets, their listeners, the client's timers", onNode],
  ["in XS: the heap", inXs],
] as const) {
  test(`${name} after each hundred events and five faults as before`, { timeout: 60_000 }, async t => {
    const counts = await soak(start);
    t.diagnostic(JSON.stringify(counts[0]));
    const least = Math.min(...counts.map(({ slots = 0 }) => slots));
    const { slots: _, ...others } = counts[0]!;
    for (const { slots = 0, ...rest } of counts) {
      assert.deepEqual(rest, others);
      assert.ok(PASSING_SLOTS.includes(slots - least), `${slots - least} slots more than in the smallest round`);
    }
    assert.equal(others.timers, 1);
  });
}
