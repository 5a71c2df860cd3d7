// The package's HTTP entry where no condition of "exports" names an engine: HttpClient without default ports.

import { HttpClient as CoreHttpClient, type HttpPorts } from "../../src/device/http.ts";
import type { DeviceOptions } from "../../src/index.ts";
import { noPorts } from "./no-ports.ts";

export * from "../../src/device/http.ts";

export class HttpClient extends CoreHttpClient {
  /** @throws ConfigurationException without `ports` */
  constructor(options?: DeviceOptions, ports: HttpPorts = noPorts()) {
    super(options, ports);
  }
}
