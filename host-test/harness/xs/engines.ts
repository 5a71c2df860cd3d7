// Runs a device program in this process or in an XS engine, with the built bundle, which is the file that is flashed.
//
// A program is a module with `start({ lib, ports, argument, call })`: `lib` is what the bundle and managed.js export,
// `call(name, value)` calls a function of this process. start() returns an object of functions, which `invoke` calls with one JSON value; they
// may return promises.

import { fileURLToPath, pathToFileURL } from "node:url";
import { nodePorts } from "../../../dist/node.js";
import { startXs } from "./host.ts";

export type EngineName = "node" | "xs";
export const ENGINES: readonly EngineName[] = ["node", "xs"];

/** A function of this process that a program may call. It must not return a promise. */
export type Call = (value: never) => unknown;

export interface Engine {
  /** Calls a function of the program with a JSON value; resolves to its result. */
  invoke<T = unknown>(name: string, value?: unknown): Promise<T>;
  /** Ends the XS engine. On Node the program must have ended before. */
  close(): Promise<void>;
}

export const BUNDLE = fileURLToPath(new URL("../../../dist/iotf-embedded.js", import.meta.url));

const MANAGED = fileURLToPath(new URL("../../../dist/managed.js", import.meta.url));

export function startEngine(
  name: EngineName,
  program: string,
  argument: unknown,
  calls: Record<string, Call> = {},
): Promise<Engine> {
  return name === "xs" ? startInXs(program, argument, calls) : startOnNode(program, argument, calls);
}

async function startOnNode(program: string, argument: unknown, calls: Record<string, Call>): Promise<Engine> {
  const lib = { ...(await import(pathToFileURL(BUNDLE).href)), ...(await import(pathToFileURL(MANAGED).href)) };
  const { start } = await import(pathToFileURL(program).href);
  const call = (name: string, value: unknown) => calls[name]!(value as never);
  const functions = start({ lib, ports: nodePorts, argument, call });
  return {
    invoke: async (name, value) => functions[name](value),
    close: async () => {},
  };
}

async function startInXs(program: string, argument: unknown, calls: Record<string, Call>): Promise<Engine> {
  const xs = await startXs({ calls });
  try {
    await xs.evaluate(`(async () => {
      const lib = { ...await import(${JSON.stringify(BUNDLE)}), ...await import(${JSON.stringify(MANAGED)}) };
      const { start } = await import(${JSON.stringify(program)});
      const functions = start({ lib, ports: host.ports, argument: ${JSON.stringify(argument)}, call: host.call });
      for (const name in functions) host.register(name, functions[name]);
    })()`);
  } catch (error) {
    await xs.close();
    throw error;
  }
  return { invoke: (name, value) => xs.call(name, value), close: () => xs.close() };
}
