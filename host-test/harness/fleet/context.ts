// Which device of this thread runs now? An exception that nobody catches belongs to it. If it never returns, this thread
// can tell nobody: the main thread looks at `activity` from outside.

import { AsyncLocalStorage } from "node:async_hooks";

/** What a thread shares with the main thread: numbers at these places. */
export const ACTIVITY = {
  /** Index of the device that runs or ran last in this turn of the event loop, plus 1; 0: none. */
  device: 0,
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

/** Those of Node, not those of a device. */
const { setImmediate } = globalThis;

export class Context<D extends ContextDevice> {
  readonly #activity: Int32Array;
  readonly #storage = new AsyncLocalStorage<D>();
  #last: D | undefined;
  /** Calls within calls. */
  #depth = 0;
  #library = false;

  constructor(activity: Int32Array) {
    this.#activity = activity;
  }

  /** The device whose program, callback, timer or promise runs now. */
  get device(): D | undefined {
    return this.#storage.getStore();
  }

  /** The device that ran last in this turn: in a microtask, Node does not always know more. */
  get lastDevice(): D | undefined {
    return this.device ?? this.#last;
  }

  /** Calls a program: what it starts, timers and sockets included, belongs to this device. */
  start(device: D, call: () => void): void {
    this.#storage.run(device, () => this.call(device, call));
  }

  /** Calls something of a device that has been started. */
  call(device: D, call: () => void): void {
    const outer = this.#depth > 0 ? this.#last : undefined;
    // Forgotten only after the microtasks of this turn: they are the device's, too, and may never end.
    if (!this.#last) setImmediate(() => this.#mark(undefined));
    this.#mark(device);
    this.#activity[ACTIVITY.calls]!++;
    this.#depth++;
    try {
      call();
    } finally {
      this.#depth--;
      if (outer) this.#mark(outer);
    }
  }

  #mark(device: D | undefined): void {
    this.#last = device;
    this.#activity[ACTIVITY.device] = device ? device.index + 1 : 0;
  }

  /** Timers that `call` sets stay those of Node: a client needs its own after its program was stopped. */
  asLibrary(call: () => void): void {
    this.#library = true;
    try {
      call();
    } finally {
      this.#library = false;
    }
  }

  /** Timers and Math.random of this thread are from now on those of the device that uses them. */
  installGlobals(): void {
    const { setTimeout, setInterval } = globalThis;
    const { random } = Math;
    const ofDevice = (start: Call, stop: (timer: unknown) => void) =>
      ((call: Call, ...rest: unknown[]) => {
        const device = this.#library ? undefined : this.device;
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
    globalThis.setTimeout = ofDevice(setTimeout as Call, () => {});
    globalThis.setImmediate = ofDevice(setImmediate as Call, () => {});
    globalThis.setInterval = ofDevice(setInterval as Call, timer => clearInterval(timer as NodeJS.Timeout));
    Math.random = () => this.device?.random() ?? random();
  }
}
