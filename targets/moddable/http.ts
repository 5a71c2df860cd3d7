// The package's HTTP entry under the "moddable" condition: HttpClient on the same sockets as DeviceClient, which it takes
// from there. Preloaded: nothing here may hold state, and no native may run before main does.

import { HttpClient as CoreHttpClient, type HttpPorts } from "../../src/device/http.ts";
import { SocketHttpPorts } from "./http-sockets.ts";
import { type DeviceOptions, devicePorts } from "./index.ts";

export * from "../../src/device/http.ts";

/** ECMA-419 sockets, plain or TLS, the SDK's timers and Math.random. */
export const deviceHttpPorts: HttpPorts = new SocketHttpPorts(devicePorts);

export class HttpClient extends CoreHttpClient {
  constructor(options?: DeviceOptions, ports: HttpPorts = deviceHttpPorts) {
    super(options, ports);
  }
}
