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

/** Starts an engine with the package in it and nothing else. */
export async function startDeviceXs(options: XsOptions = {}): Promise<Xs> {
  const xs = await startXs({ ...options, runtime: published("xs/runtime.js") }).catch(explain);
  try {
    await xs.evaluate(`import(${JSON.stringify(published("xs-device.js"))}).then(device => {
      device.installGlobals();
      host.register("costs", device.costs);
    })`);
    return xs;
  } catch (error) {
    await xs.close();
    throw error;
  }
}

export async function handlerCosts(xs: Xs): Promise<HandlerCost[]> {
  const costs = await xs.call<HandlerCost[]>("costs");
  return costs.sort((a, b) => b.instructions - a.instructions);
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
