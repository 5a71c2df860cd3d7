// The check of chains inside XS, the engine of the device, with the primitives of the process outside.

import { checkChain } from "../../../../targets/moddable/tls/chain.ts";
import { bytes, lentPrimitives } from "./lent-primitives.ts";

export interface Question {
  /** Certificates, as lent-primitives.ts writes bytes. */
  chain: readonly string[];
  ca: readonly string[];
  name: string;
  now: number;
}

/** `check` returns null for an accepted chain, else what the device would say. */
export const start = () => ({
  check({ chain, ca, name, now }: Question): string | null {
    try {
      checkChain(chain.map(bytes), { authorities: bytes(ca.join("")) }, name, now, lentPrimitives);
      return null;
    } catch (error) {
      return String((error as Error).message);
    }
  },
});
