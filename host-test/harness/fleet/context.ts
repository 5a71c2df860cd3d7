// Which device of this thread runs now? An uncaught exception is a device's, and so is an endless loop, which the main
// thread can only see from outside: `activity` says which device has not returned.

import { AsyncLocalStorage } from "node:async_hooks";

/** What a thread shares with the main thread: numbers at these places. */
export const ACTIVITY = {
  /** Index of the device that runs, plus 1; 0: none. */
  running: 0,
  /** Number of calls of device programs. */
  calls: 1,
} as const;

export function newActivity(): Int32Array {
  return new Int32Array(new SharedArrayBuffer(Object.keys(ACTIVITY).length * Int32Array.BYTES_PER_ELEMENT));
}

export interface ContextDevice {
  readonly index: number;
  /** Its timers do nothing any more. */
  readonly stopped: boolean;
  /** Random numbers of its own. */
  random(): number;
}

type Call = (...args: unknown[]) => void;

export class Context<D extends ContextDevice> {
  readonly #activity: Int32Array;
  readonly #storage = new AsyncLocalStorage<D>();

  constructor(activity: Int32Array) {
    this.#activity = activity;
  }

  /** The device whose program, or whose callback, timer or promise, runs now. */
  get device(): D | undefined {
    return this.#storage.getStore();
  }

  /** Calls a program: what it starts, timers and sockets included, belongs to this device. */
  start(device: D, call: () => void): void {
    this.#storage.run(device, () => this.call(device, call));
  }

  /** Calls something of a device that has been started. */
  call(device: D, call: () => void): void {
    const activity = this.#activity;
    const before = activity[ACTIVITY.running]!;
    activity[ACTIVITY.running] = device.index + 1;
    activity[ACTIVITY.calls]!++;
    try {
      call();
    } finally {
      activity[ACTIVITY.running] = before;
    }
  }

  /** Timers and Math.random of this thread are from now on those of the device that uses them. */
  installGlobals(): void {
    const { setTimeout, setInterval, setImmediate } = globalThis;
    const { random } = Math;
    const repeat = (start: Call, stop: (timer: unknown) => void) =>
      ((call: Call, ...rest: unknown[]) => {
        const device = this.device;
        if (!device) return start(call, ...rest);
        const timer: unknown = start(
          (...args: unknown[]) => {
            if (device.stopped) stop(timer);
            else this.call(device, () => call(...args));
          },
          ...rest,
        );
        return timer;
      }) as never;
    globalThis.setTimeout = repeat(setTimeout as Call, () => {});
    globalThis.setImmediate = repeat(setImmediate as Call, () => {});
    globalThis.setInterval = repeat(setInterval as Call, timer => clearInterval(timer as NodeJS.Timeout));
    Math.random = () => this.device?.random() ?? random();
  }
}
