// Runs inside XS: starts a board as the SDK does on a chip (its set-up modules, then main) and lets the test lead what is
// around it. The test's settings are in globalThis.board before this is loaded.

import { broker, TLS } from "./broker.ts";
import { nvs, Preference, resources } from "./flash.ts";
import { Digital, Led, pins } from "./lights.ts";
import { radio, resolve, setupNetwork, surroundings, WiFi } from "./radio.ts";
import { Flash, OneSlot, otadata, restart } from "./slots.ts";
import { type Settings, world } from "./world.ts";

export interface BoardSettings extends Settings {
  surroundings?: Partial<typeof surroundings>;
  /** What an earlier life of the board has kept. */
  kept?: Kept;
  /** Entries left in NVS. */
  free?: number;
  /** The board has a driver for its light. */
  led?: boolean;
  /** The first bytes of partition `otadata` on a board with two slots; absent: the simulator, which has no flash. */
  otadata?: number[];
  /** A board that was flashed with one partition for programs: without `otadata`. */
  oneSlot?: boolean;
}

/** domain to key to bytes */
export type Kept = Record<string, Record<string, number[]>>;

export interface Report {
  lines: string[];
  /** Seconds at which the radio tried, and at which the server got a CONNECT. */
  attempts: number[];
  connects: number[];
  events: string[];
  fired: number;
  pins: string[];
  kept: Kept;
  writes: number;
  otadata: number[];
}

declare const host: { register(name: string, fn: (argument: never) => unknown): void };
declare const board: BoardSettings;

export const config = Object.freeze({ ...board.config });

const MODULES: Record<string, unknown> = {
  preference: Preference,
  "embedded:network/interface/wifi": WiFi,
  "embedded:io/socket/tcp/tls": TLS,
};
if (board.otadata) {
  Object.assign(MODULES, { "embedded:storage/flash": board.oneSlot ? OneSlot : Flash, "embedded:update": {} });
}
/** Modules of the program, which are loaded when they are asked for. */
let found: Record<string, () => unknown> = {};

export const Modules = {
  has: (name: string) => name in MODULES || name in found,
  importNow(name: string): unknown {
    if (name in found) return found[name]!();
    if (!(name in MODULES)) throw new Error(`module "${name}" not found`);
    return MODULES[name];
  },
};

/** A debug build counts; this board always has the same memory left. */
export const Instrumentation = {
  map: (name: string) => (name === "System Free Memory" ? 1 : undefined),
  get: (what: number | undefined) => (what === 1 ? 121_204 : undefined),
};

/** targets/esp32/built.js on this board: 2026-01-01. */
export const BUILT = Date.UTC(2026, 0, 1);

type SetUp = (done: () => void) => void;

/** @param setUps, main, modules: each loads its module, and gives what that exports by default. */
export function boot(
  setUps: (() => SetUp)[],
  main: () => (() => void) | undefined,
  modules: Record<string, () => unknown>,
): void {
  found = modules;
  prepare();
  world.attempt(() => {
    const steps: SetUp[] = [done => setupNetwork(config, done), ...setUps.map(load => load())];
    let left = steps.length;
    const done = () => {
      if (--left === 0) main()?.();
    };
    for (const step of steps) step(done);
  });
}

function prepare(): void {
  Object.assign(surroundings, board.surroundings);
  world.dateAtZero = board.date ?? 0;
  nvs.free = board.free ?? nvs.free;
  otadata.set(board.otadata ?? []);
  for (const name in board.resources) resources.set(name, new TextEncoder().encode(board.resources[name]!));
  for (const domain in board.kept) {
    const kept = Object.entries(board.kept[domain]!);
    nvs.entries.set(domain, new Map(kept.map(([key, bytes]) => [key, Uint8Array.from(bytes)])));
  }
  Date.now = () => world.dateAtZero + world.now;
  // What XS has on a device and not in the worker.
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  Object.assign(String, {
    fromArrayBuffer: (bytes: ArrayBuffer, offset = 0, length = bytes.byteLength - offset) =>
      decoder.decode(new Uint8Array(bytes, offset, length)),
  });
  Object.assign(globalThis, {
    trace: (...parts: unknown[]) => world.trace(parts.join("")),
    System: { resolve, restart },
    device: { io: { Digital } },
    ...(board.led && { Host: { LED: { Default: Led } } }),
  });
}

host.register("advance", (ms: number) => world.advance(ms));
host.register("change", (changes: Partial<typeof surroundings>) => void Object.assign(surroundings, changes));
host.register("serve", (changes: Partial<typeof broker>) => void Object.assign(broker, changes));
host.register("unplug", () => {
  surroundings.accessPoint = false;
  radio.lose();
});
host.register("command", ([name, text]: [string, string]) => broker.command(name, text));
host.register("hangUp", () => {
  for (const socket of broker.sockets) socket.ends();
});
host.register("takePin", (pin: number) => pins.owned.push(pin));
host.register("report", (): Report => {
  const kept: Kept = {};
  for (const [domain, entries] of nvs.entries) {
    kept[domain] = Object.fromEntries([...entries].map(([key, bytes]) => [key, [...bytes]]));
  }
  const { lines, fired } = world;
  const { connects, events } = broker;
  return {
    lines,
    attempts: radio.attempts,
    connects,
    events,
    fired,
    pins: pins.writes,
    kept,
    writes: nvs.writes,
    otadata: [...otadata.slice(0, 32)],
  };
});
