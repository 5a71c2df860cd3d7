// Refuses requests that do not come from this page in a browser on this machine: DNS rebinding (Host header), forms and
// scripts of other sites (Origin and Sec-Fetch-Site headers), frames.

import type { IncomingHttpHeaders } from "node:http";
import { Refusal } from "../http-request.ts";

export interface PageRequest {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  readonly headers: IncomingHttpHeaders;
}

/** Headers of every response: no inline scripts, no foreign sources, no text as markup. */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy": [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join("; "),
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "cache-control": "no-store",
};

/** @throws Refusal unless the request is one of this page */
export function checkRequest({ method, url, headers }: PageRequest, port: number): void {
  const hosts = [`127.0.0.1:${port}`, `localhost:${port}`];
  if (!hosts.includes(headers.host ?? "")) throw new Refusal(421, "the Host header must be 127.0.0.1 or localhost");
  const own = `http://${headers.host}`;
  const sending = method === "POST";
  if (headers.origin !== own && (sending || headers.origin !== undefined)) {
    throw new Refusal(403, "not for another origin");
  }
  // Other sites may link to the page itself, and to nothing else.
  const site = headers["sec-fetch-site"] ?? "none";
  if (url !== "/" && site !== "same-origin" && site !== "none") throw new Refusal(403, "not for another site");
  if (method !== "GET" && !sending) throw new Refusal(405, "only GET and POST");
  // A form of another site cannot send JSON without a preflight request.
  if (sending && !/^application\/json(;|$)/i.test(headers["content-type"] ?? "")) {
    throw new Refusal(415, "only application/json");
  }
}
