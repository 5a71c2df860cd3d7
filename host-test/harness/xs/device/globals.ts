// Runs in XS, which has no timers and no console: provides both to device programs, with the clock of the host.

import type { Ports, Timer } from "../../../../src/index.ts";
import { counted } from "./meter.ts";

declare const host: { readonly ports: Ports; trace(text: string): void };

type Call = (...args: unknown[]) => void;

export function installGlobals(): void {
  const timers = new Map<number, Timer>();
  let last = 0;

  function start(kind: string, call: Call, ms: number, repeat: boolean, args: unknown[]): number {
    const id = ++last;
    const run = counted(kind, call);
    const timer = host.ports.clock.timer(() => {
      if (repeat) timer.set(ms);
      else timers.delete(id);
      run(...args);
    });
    timers.set(id, timer);
    timer.set(ms);
    return id;
  }

  const clear = (id: number) => {
    timers.get(id)?.clear();
    timers.delete(id);
  };
  const uncaught = (globalThis.console as unknown as { error: Call }).error;
  const say = (...words: unknown[]) => host.trace(words.map(shown).join(" "));
  Object.assign(globalThis, {
    // iotf-embedded/testing has its own timers.
    countHandler: counted,
    setTimeout: (call: Call, ms = 0, ...args: unknown[]) => start("setTimeout", call, atLeast(0, ms), false, args),
    setInterval: (call: Call, ms = 0, ...args: unknown[]) => start("setInterval", call, atLeast(1, ms), true, args),
    clearTimeout: clear,
    clearInterval: clear,
    // As Moddable's trace(): no separators and no added line feed.
    trace: (...words: unknown[]) => host.trace(words.join("").replace(/\n$/, "")),
    console: {
      log: say,
      info: say,
      debug: say,
      warn: say,
      // XS calls it with two arguments for an uncaught exception; the first one distinguishes this from a call of a
      // program.
      error: (...words: unknown[]) => (/^Unhandled/.test(String(words[0])) ? uncaught(...words) : say(...words)),
    },
  });
}

function atLeast(least: number, ms: number): number {
  return Math.min(Math.max(Math.floor(ms) || 0, least), 2 ** 31 - 1);
}

function shown(value: unknown): string {
  if (typeof value === "string") return value;
  if (value instanceof Error) return value.stack ?? String(value);
  if (value instanceof Date || typeof value !== "object" || value === null) return String(value);
  try {
    return JSON.stringify(value);
  } catch {
    return String(value);
  }
}
