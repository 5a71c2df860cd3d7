// The cost of events and commands inside XS, from the API to the bytes for the transport and back: instructions, slots of
// garbage, the heap of a connected device, and its growth over many events.

import { fileURLToPath } from "node:url";
import { startXs, type Xs } from "../harness/xs/host.ts";

export interface Cost {
  computrons: number;
  slots: number;
}

export interface XsFigures {
  publish: Record<"qos0" | "qos1" | "qos2", Cost>;
  /** Completes an event at QoS 1 or 2: the acknowledgements of the server, and PUBREL. */
  confirm: Record<"qos1" | "qos2", Cost>;
  command: Cost;
  /** JSON text and UTF-8 of the event: a part of `publish`. */
  json: Cost;
}

export interface HeapFigures {
  /** 4: pointers of a 32-bit chip, sizes are exact; 8: of the 64-bit worker. */
  pointerBytes: 4 | 8;
  /** One device, connected and subscribed, its transmit buffer included. */
  connected: { slots: number; chunkBytes: number; bytes: number };
  /** Bytes in addition to that, after `events` events of 2,000 different lengths. */
  growth: { events: number; bytes: number }[];
  /** Bytes in addition to `connected`, when the connection is lost and {@link WAITING} events wait. */
  outboxBytes: number;
}

const PROGRAM = fileURLToPath(new URL("xs-program.js", import.meta.url));
const WINDOW = 10;
const WAITING = 100;
const OPTIONS = {
  org: "abc123",
  type: "thermo",
  id: "t-01",
  "auth-method": "token",
  "auth-token": "0123456789abcdef",
  host: "127.0.0.1",
  port: 1883,
};

export async function measureCost(bundle: string): Promise<XsFigures> {
  const xs = await startDevice(bundle);
  await xs.call("connect", "DeviceClient");
  const publish = {} as XsFigures["publish"];
  const confirm = {} as XsFigures["confirm"];
  // The second round counts: the first fills caches (topics, property lookups).
  for (let round = 0; round < 2; round++) {
    publish.qos0 = await each(xs, "qos0");
    await xs.call("prepareAcks");
    publish.qos1 = await each(xs, "qos1");
    confirm.qos1 = await each(xs, "puback");
    await xs.call("prepareAcks");
    publish.qos2 = await each(xs, "qos2");
    confirm.qos2 = sum(await each(xs, "pubrec"), await each(xs, "pubcomp"));
  }
  const command = await each(xs, "command");
  const json = await each(xs, "json");
  await xs.close();
  return { publish, confirm, command, json };
}

/** @param binary an XS worker; that of worker32.ts gives the figures of a device */
export async function measureHeap(bundle: string, binary?: string, steps = 20, events = 20_000): Promise<HeapFigures> {
  const outboxBytes = await measureOutbox(bundle, binary);
  const xs = await startWorker(binary);
  const before = await constructed(xs, bundle);
  await xs.call("connect", "DeviceClient");
  const connected = await xs.heap();
  await xs.call("lengths", 10); // makes what is kept, such as the topic's bytes
  const used = await xs.heap();
  const growth = [{ events: 0, bytes: 0 }];
  for (let step = 1; step <= steps; step++) {
    await xs.call("lengths", events / steps);
    growth.push({ events: (events / steps) * step, bytes: (await xs.heap()).bytes - used.bytes });
  }
  await xs.close();
  const pointerBytes = connected.slotSize === 16 ? 4 : 8;
  return {
    pointerBytes,
    connected: difference(before, connected),
    growth,
    outboxBytes,
  };
}

/** A connected and subscribed managed device; `binary` as in {@link measureHeap}. */
export async function measureManaged(bundle: string, binary: string): Promise<HeapFigures["connected"]> {
  const xs = await startWorker(binary);
  const before = await constructed(xs, bundle);
  await xs.call("connect", "ManagedDeviceClient");
  const connected = await xs.heap();
  await xs.close();
  return difference(before, connected);
}

/** The heap with the measuring code, which is not part of the device, and without a client. */
async function constructed(xs: Xs, bundle: string): ReturnType<Xs["heap"]> {
  await load(xs, bundle);
  await xs.call("construct");
  await xs.repeat("empty", 1);
  return xs.heap();
}

async function measureOutbox(bundle: string, binary: string | undefined): Promise<number> {
  const xs = await startWorker(binary);
  await load(xs, bundle);
  await xs.call("construct");
  await xs.call("connect", "DeviceClient");
  const connected = await xs.heap();
  await xs.call("lose");
  await xs.call("wait", WAITING);
  const { bytes } = await xs.heap();
  await xs.close();
  return bytes - connected.bytes;
}

function startWorker(binary: string | undefined): Promise<Xs> {
  return startXs(binary === undefined ? {} : { binary });
}

const PARTS = ["lookup", "encode", "native", "frame", "copy", "decode", "parse", "receive", "acknowledge"] as const;
export type Profile = Record<(typeof PARTS)[number] | "event" | "command", number>;

/** Instructions of an event at QoS 1, of a command, and of their parts (xs-program.js). */
export async function measureProfile(bundle: string): Promise<Profile> {
  const xs = await startDevice(bundle);
  await xs.call("connect", "DeviceClient");
  await xs.call("registerParts");
  const figures = {} as Profile;
  for (let round = 0; round < 2; round++) {
    await xs.call("prepareAcks");
    figures.event = (await each(xs, "qos1")).computrons;
    await each(xs, "puback");
    figures.command = (await each(xs, "command")).computrons;
    for (const part of PARTS) figures[part] = (await each(xs, part)).computrons;
  }
  await xs.close();
  return figures;
}

async function startDevice(bundle: string): Promise<Xs> {
  const xs = await startXs();
  await load(xs, bundle);
  await xs.call("construct");
  return xs;
}

async function load(xs: Xs, bundle: string): Promise<void> {
  await xs.evaluate(`(async () => {
    const lib = await import(${JSON.stringify(bundle)});
    const { start } = await import(${JSON.stringify(PROGRAM)});
    host.register("construct", () => {
      const functions = start({ lib, options: ${JSON.stringify(OPTIONS)} });
      for (const name in functions) host.register(name, functions[name]);
    });
  })()`);
}

/** Per call, averaged over one window, without the cost of calling. */
async function each(xs: Xs, name: string): Promise<Cost> {
  await xs.gc();
  await xs.repeat("empty", WINDOW);
  const start = xs.meter.slots;
  const whole = await xs.repeat(name, WINDOW);
  const empty = await xs.repeat("empty", WINDOW);
  const slots = whole.slots - start - (empty.slots - whole.slots);
  return { computrons: (whole.computrons - empty.computrons) / WINDOW, slots: slots / WINDOW };
}

function sum(a: Cost, b: Cost): Cost {
  return { computrons: a.computrons + b.computrons, slots: a.slots + b.slots };
}

function difference(
  a: { slots: number; chunkBytes: number; bytes: number },
  b: { slots: number; chunkBytes: number; bytes: number },
): { slots: number; chunkBytes: number; bytes: number } {
  return { slots: b.slots - a.slots, chunkBytes: b.chunkBytes - a.chunkBytes, bytes: b.bytes - a.bytes };
}
