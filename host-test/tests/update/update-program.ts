// The cases of cases.ts and power.ts inside XS, with the primitives of the process outside.

import { bytes, latin, lentDigest, lentPrimitives } from "../engines/tls/lent-primitives.ts";
import type { Build, Engine } from "./board.ts";
import { type Case, runCase } from "./cases.ts";
import { failEverywhere, type Setting } from "./power.ts";

const engine: Engine = {
  primitives: lentPrimitives,
  sha256() {
    let all = "";
    return {
      write: part => {
        all += latin(part);
      },
      close: () => lentDigest("SHA256", all),
    };
  },
};

/** Bytes as lent-primitives.ts writes them. */
export interface Plan {
  key: string;
  old: { version: string; image: string };
  next: { version: string; image: string };
}

const build = ({ version, image }: Plan["old"]): Build => ({ version, image: bytes(image) });
const isBytes = (name: string) => name === "file" || name === "body";

export const start = () => ({
  case: ({ key, old, next, one }: Plan & { one: string }) => {
    const parsed: Case = JSON.parse(one, (name, value) => (isBytes(name) ? bytes(value) : value));
    return runCase(engine, bytes(key), build(old), build(next), parsed);
  },
  power: ({ key, old, next, file, setting }: Plan & { file: string; setting: Setting }) =>
    failEverywhere({ engine, key: bytes(key), old: build(old), next: build(next), file: bytes(file) }, setting),
});
