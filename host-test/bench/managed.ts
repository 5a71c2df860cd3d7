// The cost of iotf-embedded/managed, which only a managed device has.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { transformSync } from "esbuild";
import type { ManagedFigures } from "./figures.ts";
import { measureManaged } from "./xs-cost.ts";

const MANAGED = fileURLToPath(new URL("../../dist/managed.js", import.meta.url));

/** @param binary XS worker of 32 bits */
export async function managedFigures(binary: string): Promise<ManagedFigures> {
  const { bytes, slots } = await measureManaged(MANAGED, binary);
  const minified = transformSync(readFileSync(MANAGED, "utf8"), { minify: true, format: "esm", target: "es2020" }).code;
  return { minifiedBytes: Buffer.byteLength(minified), connectedBytes: bytes, connectedSlots: slots };
}
