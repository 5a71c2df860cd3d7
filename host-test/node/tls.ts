// What Node's tls and https need of an endpoint, and how their errors are told to people.

import net from "node:net";
import type { ConnectionOptions } from "node:tls";
import type { Endpoint } from "../../src/ports.ts";

/** For an endpoint with TLS. The platform takes 1.2 and above (protocol sheet 1.4). */
export function tlsSettings(endpoint: Endpoint): ConnectionOptions {
  const { ca, cert, key, serverName } = endpoint.tls!;
  return {
    servername: serverName ?? (net.isIP(endpoint.host) ? "" : endpoint.host),
    minVersion: "TLSv1.2",
    ...(ca === undefined ? {} : { ca: pem(ca) }),
    ...(cert === undefined ? {} : { cert: pem(cert) }),
    ...(key === undefined ? {} : { key: pem(key) }),
  };
}

function pem(value: string | Uint8Array): string | Buffer {
  return typeof value === "string" ? value : Buffer.from(value);
}

// Connecting to a name with several addresses fails with one error for each of them and no text of its own.
export function describe(error: Error & { code?: string }): string {
  if (error instanceof AggregateError && error.errors.length) return describe(error.errors[0]);
  return error.message || error.code || error.name;
}
