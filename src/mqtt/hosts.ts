// The hosts of a server: checks, and which one is next. A connection that is lost is tried again on the same host; an
// attempt that fails, also by CONNACK 3, moves on to the next one.

import { ConfigurationException } from "../errors.ts";
import type { Endpoint } from "../ports.ts";
import { checkRange } from "./checks.ts";

const MAX_HOSTS = 16;

export interface HostSelection {
  /** That of the next attempt. */
  endpoint: Endpoint;
  /** The other hosts, in the order of the attempts; absent if there is only one host. */
  otherHosts?: string[];
}

/**
 * The hosts of a list, or of a text with commas, as a new list.
 * @throws ConfigurationException naming the wrong entry, or for another number than 1..16
 */
export function checkHosts(name: string, given: unknown): string[] {
  const hosts: unknown[] = [];
  // A text with "@" may be a password that has commas. One host is not split: the copy would take memory.
  const isList = typeof given === "string" && given.indexOf(",") >= 0 && given.indexOf("@") < 0;
  const list: unknown[] = isList ? given.split(",") : Array.isArray(given) ? given : [given];
  for (let i = 0; i < list.length; i++) hosts.push(isList ? (list[i] as string).trim() : list[i]);
  checkRange(`${name}.length`, hosts.length, 1, MAX_HOSTS);
  for (let i = 0; i < hosts.length; i++) checkHost(hosts.length > 1 ? `${name}[${i}]` : name, hosts[i]);
  return hosts as string[];
}

// One colon separates a port; an IPv6 address has at least two. The error shows nothing before "@": it may be a password.
export function checkHost(name: string, host: unknown): void {
  if (typeof host !== "string" || !host) throw new ConfigurationException(`${name} must be a string that is not empty`);
  for (let i = 0; i < 4; i++) {
    if (host.indexOf("/[,@".charAt(i)) < 0 && host.split(":").length !== 2) continue;
    const parts = host.split("@");
    const shown = parts[parts.length - 1];
    throw new ConfigurationException(
      `${name} must be a host name or address alone, not "${shown}"; use the options port and tls`,
    );
  }
}

/** The next attempt is for the next host. A new endpoint, because the transport may still use the one it got. */
export function selectNextHost(selection: HostSelection): void {
  const { endpoint, otherHosts } = selection;
  if (!otherHosts) return;
  otherHosts.push(endpoint.host);
  selection.endpoint = Object.assign({}, endpoint, { host: otherHosts.shift()! });
}
