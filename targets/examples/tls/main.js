// TLS with an authority of one's own: its certificate, DER or PEM, lies in ca/ and becomes part of the firmware. The
// clock must be right before: on a board the SDK's set-up has asked for the time.

import Resource from "Resource";
import { DeviceClient } from "iotf-embedded";
import config from "mc/config";
import Timer from "timer";

const ca = new Resource("ca.pem");

const client = new DeviceClient({
  org: config.org,
  type: config.type,
  id: config.id,
  "auth-method": "token",
  "auth-token": config.token,
  host: config.host,
  port: config.port ?? 8883,
  tls: true,
  ca: new Uint8Array(ca.slice(0, ca.byteLength)),
});
client.connectedCallback = () => trace(`connected as ${client.clientId}\n`);
client.disconnectedCallback = (reason, retryMs) => {
  trace(`disconnected: ${reason?.message}\n`);
  if (retryMs < 0) Timer.clear(timer); // the client does not retry: publishEvent would return false
};

const timer = Timer.repeat(() => {
  client.publishEvent("status", "json", { name: "foo" });
}, 5000);
client.connect();
