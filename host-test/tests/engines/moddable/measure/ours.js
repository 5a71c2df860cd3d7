// This library, as measure/main.js drives it.

import Resource from "Resource";
import { DeviceClient } from "iotf-embedded";
import config from "mc/config";

export class OurClient {
  constructor(host, port, subscribed, commanded, secure = {}) {
    this.client = new DeviceClient({
      org: "abc123",
      type: "thermo",
      id: "t-01",
      "auth-method": "token",
      "auth-token": "demo-token",
      host,
      port,
      tls: false,
      ...secure,
      limits: { frameBytes: 20480, inflight: 32 },
    });
    this.client.connectedCallback = subscribed;
    this.client.commandCallback = ({ data }) => commanded(data);
    this.client.connect();
  }

  /** False when there is no room now. */
  publish(text, done) {
    return this.client.publishEvent("status", "json", text, 1, done);
  }

  /** The outbox waits for room by itself. */
  whenWritable() {}

  close() {
    this.client.disconnect();
  }
}

/** The same over TLS. */
export class OurSecureClient extends OurClient {
  constructor(host, port, subscribed, commanded) {
    const ca = new Resource("ca.pem");
    const secure = { port: config.securePort, tls: true, ca: new Uint8Array(ca.slice(0, ca.byteLength)) };
    super(host, port, subscribed, commanded, secure);
  }
}
