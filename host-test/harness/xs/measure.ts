// What an operation costs inside XS: instructions, slots and chunk bytes per call, and what stays behind after many.
//
// In: an engine (host.ts) and the name of a function a program registered there. Out: figures per call, net of the call
// itself and of the command that makes it. All of them are counts, not times: the same in every run of the same worker.
// Limits: nothing else may happen in that engine meanwhile, so measure against ports that live inside XS, not sockets.
//
// What the worker can say, read from its C sources:
// - computrons: one per byte code run, plus what some natives add (big strings, regular expressions, big integers).
//   Natives count as one call otherwise, so work moved into a native looks free.
// - slots: `currentHeapCount`, raised by each slot taken, set to the number of live ones by a collection. So between two
//   collections its difference is exactly the slots taken: garbage, if nothing is kept. XS collects by itself when the
//   262,143 slots or 32 MB of chunks it starts with are used up; cost() notices that and refuses.
// - chunk bytes are not told with replies. What is alive is in a snapshot; what was garbage is found by leaving a known
//   room and counting how many calls fill it.

import type { Xs } from "./host.ts";
import type { Heap } from "./snapshot.ts";

export interface Cost {
  computrons: number;
  slots: number;
}

export interface CostOptions {
  /** Calls in the longer of the two runs that are compared. 100 when absent; fewer if one call takes many slots. */
  calls?: number;
}

const BASE_CALLS = 10;
const SMALL_ROOM = 512 * 1024;
const prepared = new WeakSet<Xs>();

const PROGRAM = `(() => {
  let collections = 0;
  const registry = new FinalizationRegistry(() => { collections++; });
  host.register("measure.empty", name => { host.register(name, () => {}); });
  host.register("measure.arm", () => { registry.register({}, 0); });
  host.register("measure.collections", () => collections);
  host.register("measure.fill", bytes => { globalThis.measureFiller = bytes ? new ArrayBuffer(bytes) : undefined; });
})()`;

/** Instructions and slots of one call, in the steady state: the function runs a few times before it counts. */
export async function cost(xs: Xs, name: string, options: CostOptions = {}): Promise<Cost> {
  const empty = await prepare(xs, name);
  const calls = options.calls ?? 100;
  await xs.repeat(name, BASE_CALLS);
  const whole = await perCall(xs, name, calls);
  const call = await perCall(xs, empty, calls);
  return { computrons: whole.computrons - call.computrons, slots: whole.slots - call.slots };
}

/** What the program left on the heap in `work` (calls, repeats; not evaluate, see there): 0 bytes if it keeps nothing. */
export async function growth(
  xs: Xs,
  work: () => Promise<unknown>,
): Promise<Pick<Heap, "slots" | "chunkBytes" | "bytes">> {
  const before = await xs.heap();
  await work();
  const after = await xs.heap();
  return {
    slots: after.slots - before.slots,
    chunkBytes: after.chunkBytes - before.chunkBytes,
    bytes: after.bytes - before.bytes,
  };
}

/**
 * Chunk bytes one call takes, garbage included; good to a few bytes, or to a percent if one call takes kilobytes. `room`
 * is what is left free while it runs: a hundred calls or more should fit, and the slots they take must not run out first
 * (1 MiB suits small messages).
 */
export async function chunkBytes(xs: Xs, name: string, room = 1024 * 1024): Promise<number> {
  const empty = await prepare(xs, name);
  await xs.repeat(name, BASE_CALLS);
  const bytesOfEmpty = await withRoom(xs, SMALL_ROOM, async () => {
    const { chunkRoom } = await xs.heap();
    return chunkRoom / (await commandsUntilCollection(xs, empty));
  });
  return await withRoom(xs, room, async () => {
    await xs.gc();
    const whole = (await commandsUntilCollection(xs, name)) - 1;
    const { chunkRoom } = await xs.heap();
    for (let i = 0; i < whole; i++) await xs.repeat(name, 1);
    // What the last whole command left is filled with small ones, which says how much it was.
    const rest = (await commandsUntilCollection(xs, empty)) * bytesOfEmpty;
    return (chunkRoom - rest) / whole - bytesOfEmpty;
  });
}

async function withRoom(xs: Xs, room: number, measure: () => Promise<number>): Promise<number> {
  await xs.call("measure.fill", (await xs.heap()).chunkRoom - room);
  try {
    return await measure();
  } finally {
    await xs.call("measure.fill", 0);
  }
}

/** Makes sure the helpers are there; gives the name of an empty function that is as long, so its commands are too. */
async function prepare(xs: Xs, name: string): Promise<string> {
  const empty = (name.startsWith("-") ? "=" : "-").repeat(name.length);
  if (!prepared.has(xs)) {
    prepared.add(xs);
    await xs.evaluate(PROGRAM);
  }
  await xs.call("measure.empty", empty);
  return empty;
}

async function perCall(xs: Xs, name: string, calls: number): Promise<Cost> {
  const few = await run(xs, name, BASE_CALLS);
  const many = await run(xs, name, BASE_CALLS + calls);
  return { computrons: (many.computrons - few.computrons) / calls, slots: (many.slots - few.slots) / calls };
}

/** One command that calls the function `count` times, on a freshly collected heap. */
async function run(xs: Xs, name: string, count: number): Promise<Cost> {
  await xs.gc();
  const collections = await xs.call<number>("measure.collections");
  await xs.call("measure.arm");
  const before = xs.meter.slots;
  const after = await xs.repeat(name, count);
  const collected = (await xs.call<number>("measure.collections")) - collections;
  if (collected > 0) throw new Error(`XS collected garbage during ${count} calls of ${name}: measure fewer calls`);
  return { computrons: after.computrons, slots: after.slots - before };
}

/** How many commands of one call fit until XS has to collect: then the slots in use fall. */
async function commandsUntilCollection(xs: Xs, name: string): Promise<number> {
  let slots = 0;
  for (let commands = 0; ; commands++) {
    const meter = await xs.repeat(name, 1);
    if (meter.slots < slots) return commands;
    slots = meter.slots;
  }
}
