// An XS engine for a user's program, with the package, timers and console. Measures the cost of the handlers and the heap.

import { CommandError } from "../cli/errors.ts";
import type { HandlerCost } from "./device/meter.ts";
import { startXs, type Xs, type XsOptions } from "./host.ts";
import { published } from "./program.ts";
import type { Heap } from "./snapshot.ts";

export interface Footprint {
  /** Slots in use: properties, values, parts of objects; 16 bytes each on a 32-bit chip. */
  slots: number;
  /** Bytes of strings, buffers and code; a little more than on a 32-bit chip. */
  chunkBytes: number;
}

/** An engine with the package and no program. */
export interface DeviceEngine {
  xs: Xs;
  /** Cost of the handlers so far, the largest first. */
  costs(): Promise<HandlerCost[]>;
}

export async function startDeviceXs(options: XsOptions = {}): Promise<DeviceEngine> {
  const book = new SlotBook();
  const xs = await startXs({
    ...options,
    runtime: published("xs/runtime.js"),
    calls: { handled: (name: string) => book.handled(name) },
    onEvent: slots => book.event(slots),
  }).catch((error: Error) => {
    throw new CommandError(error.message);
  });
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

/** Name of the empty handler. */
const CALIBRATION = "";

/** Handlers that an event called, and the slots that it allocated. */
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
    // The first event of a kind also allocates what the later ones reuse.
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

  /** Cost of counting itself. */
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
