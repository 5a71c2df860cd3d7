// An XS engine for a user's program: the package inside, with timers and console, and what its handlers cost and its heap
// holds.

import { CommandError } from "../cli/errors.ts";
import type { HandlerCost } from "./device/meter.ts";
import { startXs, type Xs, type XsOptions } from "./host.ts";
import { installed, published } from "./program.ts";
import type { Heap } from "./snapshot.ts";

export interface Footprint {
  /** Things in use: a property, a value, a part of an object. 16 bytes each on a chip. */
  slots: number;
  /** Strings, buffers, code: bytes, a little more than on a chip. */
  chunkBytes: number;
}

/** An engine with the package in it and, to begin with, nothing else. */
export interface DeviceEngine {
  xs: Xs;
  /** What the program's handlers took so far, the dearest first. */
  costs(): Promise<HandlerCost[]>;
}

export async function startDeviceXs(options: XsOptions = {}): Promise<DeviceEngine> {
  const book = new SlotBook();
  const xs = await startXs({
    ...options,
    runtime: published("xs/runtime.js"),
    calls: { handled: (name: string) => book.handled(name) },
    onEvent: slots => book.event(slots),
  }).catch(explain);
  try {
    await xs.evaluate(`import(${JSON.stringify(published("xs-device.js"))}).then(device => {
      device.installGlobals();
      host.register("costs", device.costs);
      host.register("no.counter", () => {});
      host.register("is.counted", device.counted(${JSON.stringify(CALIBRATION)}, () => {}));
    })`);
    await book.calibrate(xs);
  } catch (error) {
    await xs.close();
    throw error;
  }
  return {
    xs,
    async costs() {
      const costs = await xs.call<HandlerCost[]>("costs");
      return costs
        .filter(({ name }) => name !== CALIBRATION)
        .map(cost => ({ ...cost, ...book.slotsOf(cost.name) }))
        .sort((a, b) => b.instructions - a.instructions);
    },
  };
}

/** The name of the handler that does nothing. */
const CALIBRATION = "";

/** Which handlers did an event call, and how many slots did it take? */
class SlotBook {
  private names: string[] = [];
  private own = 0;
  private readonly sums = new Map<string, { events: number; slots: number }>();

  handled(name: string): void {
    this.names.push(name);
  }

  event(slots: number): void {
    const names = this.names.splice(0);
    if (names.length !== 1 || Number.isNaN(slots)) return;
    const sum = this.sums.get(names[0]!);
    // The first event of a kind makes what the later ones find.
    if (!sum) this.sums.set(names[0]!, { events: 0, slots: 0 });
    else {
      sum.events++;
      sum.slots += slots - this.own;
    }
  }

  slotsOf(name: string): { slots?: number } {
    const sum = this.sums.get(name);
    return sum?.events ? { slots: sum.slots / sum.events } : {};
  }

  /** What counting itself takes. */
  async calibrate(xs: Xs): Promise<void> {
    const taken: number[] = [];
    for (const name of ["is.counted", "no.counter", "is.counted"]) {
      await xs.gc();
      const before = xs.meter.slots;
      await xs.call(name);
      taken.push(xs.meter.slots - before);
    }
    this.own = taken[2]! - taken[1]!;
    this.names = [];
  }
}

export function footprint({ slots, chunkBytes }: Heap, before?: Footprint): Footprint {
  return { slots: slots - (before?.slots ?? 0), chunkBytes: chunkBytes - (before?.chunkBytes ?? 0) };
}

function explain(error: Error): never {
  try {
    installed("@agoric/xsnap/package.json");
  } catch {
    throw new CommandError(
      "this needs the XS engine, which is built when it is installed: npm install --save-dev @agoric/xsnap, with a C " +
        "compiler and make present (Debian: apt-get install gcc make)",
    );
  }
  throw new CommandError(error.message);
}
