// What the header `host` of a request says. By its name the platform tells the organization (docs/protocol.md 6).

import type { Endpoint } from "../../src/ports.ts";

export function authority({ host, port, tls }: Endpoint): string {
  const name = host.indexOf(":") < 0 ? host : `[${host}]`;
  return port === (tls ? 443 : 80) ? name : `${name}:${port}`;
}
