// This library, as measure/main.js drives it.

import { DeviceClient } from "iotf-embedded";

export class OurClient {
  constructor(host, port, subscribed, commanded) {
    this.client = new DeviceClient({
      org: "abc123",
      type: "thermo",
      id: "t-01",
      "auth-method": "token",
      "auth-token": "demo-token",
      host,
      port,
      tls: false,
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
