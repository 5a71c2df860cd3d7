// Where an image is: http:// or https://, without user and password.

import { consistsOf, DIGITS, lowerCase } from "../../../src/device/characters.ts";
import type { Endpoint, TlsOptions } from "../../../src/ports.ts";
import { authority } from "../authority.ts";
import { INVALID_URI, Refusal } from "./image.ts";

const MOST_CHARACTERS = 512;

export interface Location {
  readonly endpoint: Endpoint;
  /** With the query; begins with a slash. */
  readonly path: string;
}

/** @param tls options of a connection with TLS @throws Refusal */
export function parseUri(uri: string, tls: TlsOptions): Location {
  const secure = lowerCase(uri.slice(0, 8)) === "https://";
  if (uri.length > MOST_CHARACTERS) throw invalid(`more than ${MOST_CHARACTERS} characters`);
  if (!secure && lowerCase(uri.slice(0, 7)) !== "http://") throw invalid("neither http:// nor https://");
  for (let i = 0; i < uri.length; i++) {
    const code = uri.charCodeAt(i);
    if (code <= 0x20 || code >= 0x7f) throw invalid("a blank, a control character or one outside ASCII");
  }
  const rest = uri.slice(secure ? 8 : 7).split("#")[0]!;
  const end = firstOf(rest, "/?");
  const path = rest.charAt(end) === "/" ? rest.slice(end) : `/${rest.slice(end)}`;
  const { host, port } = hostAndPort(rest.slice(0, end), secure ? 443 : 80);
  return { endpoint: { host, port, ...(secure && { tls }) }, path };
}

/** Where a redirect leads: to a path of the same server. @throws Refusal */
export function redirected(from: Location, location: string, tls: TlsOptions): Location {
  if (location.charAt(0) === "/" && location.charAt(1) !== "/") return { endpoint: from.endpoint, path: location };
  const to = parseUri(location, tls);
  const { host, port } = to.endpoint;
  if (host !== from.endpoint.host || port !== from.endpoint.port || !to.endpoint.tls !== !from.endpoint.tls) {
    throw new Refusal(INVALID_URI, `redirected to another server, ${authority(to.endpoint)}: refused`);
  }
  return to;
}

function hostAndPort(authority: string, usual: number): { host: string; port: number } {
  if (authority.indexOf("@") >= 0) throw invalid("a user or password");
  const literal = authority.charAt(0) === "[";
  const end = literal ? authority.indexOf("]") + 1 : firstOf(authority, ":");
  const host = literal ? authority.slice(1, end - 1) : authority.slice(0, end);
  const behind = authority.slice(end);
  const digits = behind.slice(1);
  const port = digits ? Number(digits) : usual;
  const good = behind === "" || (behind.charAt(0) === ":" && (digits === "" || consistsOf(digits, DIGITS)));
  if (!host || !good || port < 1 || port > 65535) throw invalid("no host, or a port that is none");
  return { host: lowerCase(host), port };
}

function firstOf(text: string, characters: string): number {
  let at = 0;
  while (at < text.length && characters.indexOf(text.charAt(at)) < 0) at++;
  return at;
}

// The text of the URI is not told: it may have a secret in it.
function invalid(what: string): Refusal {
  return new Refusal(INVALID_URI, `the URI of the firmware has ${what}`);
}
