// Who may ask the page's server for something? A browser on this machine that shows this page, and nobody else: not a
// site that has its name point to this address (DNS rebinding: the Host header tells), not a form or script of another
// site (the Origin and Sec-Fetch-Site headers tell), not a frame.

import type { IncomingHttpHeaders } from "node:http";

export interface Asked {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  readonly headers: IncomingHttpHeaders;
}

export interface Refused {
  readonly status: number;
  readonly text: string;
}

/** Sent with every answer. Nothing inline runs, nothing comes from elsewhere, and no text becomes markup. */
export const PROTECTION: Readonly<Record<string, string>> = {
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

/** Why this request is not answered; undefined: it is. */
export function refuse({ method, url, headers }: Asked, port: number): Refused | undefined {
  const hosts = [`127.0.0.1:${port}`, `localhost:${port}`];
  if (!hosts.includes(headers.host ?? "")) return { status: 421, text: "this server has another name" };
  const own = `http://${headers.host}`;
  const sending = method === "POST";
  if (headers.origin !== own && (sending || headers.origin !== undefined)) return forbidden("another origin");
  // A link to the page may be anywhere; all else is for the page alone.
  const site = headers["sec-fetch-site"] ?? "none";
  if (url !== "/" && site !== "same-origin" && site !== "none") return forbidden("another site");
  if (method !== "GET" && !sending) return { status: 405, text: "only GET and POST" };
  // What a form of another site could send without asking has another type.
  if (sending && !/^application\/json(;|$)/i.test(headers["content-type"] ?? "")) {
    return { status: 415, text: "only application/json" };
  }
  return undefined;
}

function forbidden(what: string): Refused {
  return { status: 403, text: `not for ${what}` };
}
