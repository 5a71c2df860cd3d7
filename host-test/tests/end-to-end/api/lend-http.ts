// HTTP for a program inside XS: the host's side of programs/http-port.js, on Node's own http and https.

import { fileURLToPath } from "node:url";
import { type HttpRequest, nodeHttpPorts } from "../../../../dist/http-node.js";
import type { HostFunction, Xs } from "../../../harness/xs/host.ts";

/** The module that XS imports for `httpPorts`. */
export const HTTP_PORT = fileURLToPath(new URL("programs/http-port.js", import.meta.url));

type LentRequest = Omit<HttpRequest, "body"> & { body: number[] };

/** The functions XS calls; `xs` is asked for when the first answer comes. */
export function lendHttp(xs: () => Xs): Record<string, HostFunction> {
  const aborts = new Map<number, () => void>();
  return {
    "http.post": ([id, request]: [number, LentRequest]) => {
      const abort = nodeHttpPorts.post({ ...request, body: Uint8Array.from(request.body) }, (reason, answer) => {
        aborts.delete(id);
        const plain = answer && { ...answer, body: [...answer.body] };
        // An engine that was closed meanwhile wants no answer.
        xs()
          .call("http.done", [id, reason ?? null, plain ?? null])
          .catch(() => {});
      });
      aborts.set(id, abort);
    },
    "http.abort": (id: number) => {
      aborts.get(id)?.();
      aborts.delete(id);
    },
  };
}
