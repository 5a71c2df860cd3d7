// The check of chains inside XS, the engine of the device, with the primitives of this process.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { startXs } from "../../../harness/xs/host.ts";
import { nodePrimitives } from "./node-primitives.ts";

const CHAIN = fileURLToPath(new URL("../../../../targets/moddable/tls/chain.ts", import.meta.url));

export interface Question {
  chain: readonly Uint8Array[];
  ca: readonly Uint8Array[];
  name: string;
  now: number;
}

export interface Checker {
  /** undefined: accepted; else what the device would say. */
  check(question: Question): Promise<string | undefined>;
  close(): Promise<void>;
}

const bytes = (list: number[]) => Uint8Array.from(list);

export async function startChecker(): Promise<Checker> {
  const folder = mkdtempSync(join(tmpdir(), "iotf-tls-xs-"));
  const file = join(folder, "chain.js");
  await build({ entryPoints: [CHAIN], outfile: file, bundle: true, format: "esm", target: "es2020" });
  const xs = await startXs({
    calls: {
      digest: ([hash, message]: [never, number[]]) => [...nodePrimitives.digest(hash, bytes(message))],
      power: ([modulus, exponent, signature]: number[][]) => [
        ...nodePrimitives.power({ modulus: bytes(modulus!), exponent: bytes(exponent!) }, bytes(signature!)),
      ],
      verify: ([curve, point, hash, message, r, s]: [never, number[], never, number[], number[], number[]]) =>
        nodePrimitives.verify({ curve, point: bytes(point) }, hash, bytes(message), bytes(r), bytes(s)),
    },
  });
  await xs.evaluate(`import(${JSON.stringify(file)}).then(({ checkChain }) => {
    const primitives = {
      digest: (hash, message) => Uint8Array.from(host.call("digest", [hash, [...message]])),
      power: ({ modulus, exponent }, signature) =>
        Uint8Array.from(host.call("power", [[...modulus], [...exponent], [...signature]])),
      verify: ({ curve, point }, hash, message, r, s) =>
        host.call("verify", [curve, [...point], hash, [...message], [...r], [...s]]),
    };
    host.register("check", ({ chain, authorities, name, now }) => {
      try {
        const trust = { authorities: Uint8Array.from(authorities) };
        checkChain(chain.map(bytes => Uint8Array.from(bytes)), trust, name, now, primitives);
        return null;
      } catch (error) {
        return String(error.message);
      }
    });
  })`);
  return {
    async check({ chain, ca, name, now }) {
      const authorities = [...Buffer.concat(ca)];
      const told = await xs.call("check", { chain: chain.map(der => [...der]), authorities, name, now });
      return (told as string | null) ?? undefined;
    },
    async close() {
      await xs.close();
      rmSync(folder, { recursive: true });
    },
  };
}
