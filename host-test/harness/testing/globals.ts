// What a device program finds in the engine besides its ports: timers, the time, Math.random, Moddable's trace. While the
// program runs these are the test's; as soon as it returns, the engine's own are back, so a test runner never sees them.

import type { Timer } from "../../../src/index.ts";

/** What a device's globals need of its clock. */
export interface GlobalClock {
  date(): number;
  timer(due: () => void): Timer;
}

/** There is one where the handlers of a program are measured: in XS, by `iotf-embedded xs`. */
const engine = globalThis as { countHandler?: <H extends (...args: never[]) => void>(name: string, handler: H) => H };

/** The handler, measured under this name where that is done. */
export function measured<H extends (...args: never[]) => void>(name: string, handler: H): H {
  return engine.countHandler?.(name, handler) ?? handler;
}

type Name =
  | "setTimeout"
  | "setInterval"
  | "setImmediate"
  | "clearTimeout"
  | "clearInterval"
  | "clearImmediate"
  | "Date"
  | "trace";

export class DeviceGlobals {
  private readonly values: Record<Name, unknown>;
  private readonly random: () => number;
  private lent = false;

  /** @param say a line of trace, without its line feed */
  constructor(clock: GlobalClock, random: () => number, say: (line: string) => void) {
    const clear = (timer?: DeviceTimer) => timer?.clear();
    this.random = random;
    this.values = {
      setTimeout: (call: Call, ms?: number, ...args: unknown[]) =>
        new DeviceTimer(clock, measured("setTimeout", call), args, ms, false),
      setInterval: (call: Call, ms?: number, ...args: unknown[]) =>
        new DeviceTimer(clock, measured("setInterval", call), args, ms, true),
      setImmediate: (call: Call, ...args: unknown[]) =>
        new DeviceTimer(clock, measured("setImmediate", call), args, 0, false),
      clearTimeout: clear,
      clearInterval: clear,
      clearImmediate: clear,
      Date: dateOf(clock),
      trace: (...words: unknown[]) => say(words.join("").replace(/\n$/, "")),
    };
  }

  /** From now on they are the device's, until the function that is returned is called. */
  lend(): () => void {
    if (this.lent) return () => {};
    this.lent = true;
    const names = Object.keys(this.values) as Name[];
    const own = names.map(name => Object.getOwnPropertyDescriptor(globalThis, name));
    const chance = Math.random;
    for (const name of names) {
      Object.defineProperty(globalThis, name, { value: this.values[name], configurable: true, writable: true });
    }
    Math.random = this.random;
    return () => {
      this.lent = false;
      Math.random = chance;
      names.forEach((name, i) => {
        if (own[i]) Object.defineProperty(globalThis, name, own[i]);
        else Reflect.deleteProperty(globalThis, name);
      });
    };
  }
}

type Call = (...args: unknown[]) => void;

/** What setTimeout gives: Node's has these methods too. */
class DeviceTimer {
  private readonly timer: Timer;
  private readonly delayMs: number;

  constructor(clock: GlobalClock, call: Call, args: unknown[], ms: number | undefined, repeat: boolean) {
    // As engines do: no less than a millisecond between two calls, and no further than 31 bits.
    this.delayMs = Math.min(Math.max(Math.floor(ms || 0), repeat ? 1 : 0), 2 ** 31 - 1);
    this.timer = clock.timer(() => {
      if (repeat) this.timer.set(this.delayMs);
      call(...args);
    });
    this.timer.set(this.delayMs);
  }

  clear(): void {
    this.timer.clear();
  }

  refresh(): this {
    this.timer.set(this.delayMs);
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  hasRef(): boolean {
    return true;
  }
}

/** Date with the clock's time; what it makes are plain dates. */
function dateOf(clock: GlobalClock): unknown {
  const Real = Date;
  function DeviceDate(...args: []): Date | string {
    if (!new.target) return new Real(clock.date()).toString();
    return args.length ? new Real(...args) : new Real(clock.date());
  }
  DeviceDate.prototype = Real.prototype;
  DeviceDate.UTC = Real.UTC;
  DeviceDate.parse = Real.parse;
  DeviceDate.now = () => clock.date();
  return DeviceDate;
}
