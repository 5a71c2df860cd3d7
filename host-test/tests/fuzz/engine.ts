// The fuzz program on one of the two engines, with a bundle of the library: in this process, with the published
// mqtt-packet as a second reader of all that the client sends; or all of it inside XS.

import { fileURLToPath, pathToFileURL } from "node:url";
import type { Heap } from "../../harness/xs/snapshot.ts";
import { withNamedBundle } from "../support/named-bundle.ts";
import { Witness as Reader } from "../support/witness.ts";
import { startProgram } from "../support/xs-program.ts";
import { type Figures, start } from "./program.ts";
import type { Library, Witness } from "./stage.ts";

export type EngineName = "node" | "xs";

export interface Fuzz<F = Figures> {
  run(seed: number, count: number): Promise<F>;
  /** What is alive, in XS only. */
  heap(): Promise<Heap>;
  close(): Promise<void>;
}

export const BUNDLE = fileURLToPath(new URL("../../../dist/iotf-embedded.js", import.meta.url));
const PROGRAM = fileURLToPath(new URL("program.ts", import.meta.url));

/** @param bundle with names as in src/, by which the program finds what it measures; default: the library as it is */
export function startFuzz(engine: EngineName, bundle?: string): Promise<Fuzz> {
  const start = engine === "xs" ? (file: string) => startInXs<Figures>(PROGRAM, file) : startOnNode;
  return bundle === undefined ? withNamedBundle(start) : start(bundle);
}

async function startOnNode(bundle: string): Promise<Fuzz> {
  const program = start((await import(pathToFileURL(bundle).href)) as Library, published());
  return {
    run: async (seed, count) => program.run({ seed, count }),
    heap: () => Promise.reject(new Error("only XS knows its heap")),
    close: async () => {},
  };
}

function published(): Witness {
  let reader = new Reader();
  return {
    opened: () => {
      reader = new Reader();
    },
    sent: bytes => void reader.read(bytes),
  };
}

/** A module whose `start(lib)` has a function `run`, all of it inside XS. */
export async function startInXs<F>(program: string, bundle: string = BUNDLE): Promise<Fuzz<F>> {
  const xs = await startProgram(pathToFileURL(program), bundle);
  return {
    run: (seed, count) => xs.call<F>("run", { seed, count }),
    heap: () => xs.heap(),
    close: () => xs.close(),
  };
}
