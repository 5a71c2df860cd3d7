// Offline buffering to flash: an event at every start of the device, at QoS 1, kept until the platform has confirmed it.
// Started ten times without a connection, the device sends ten events when there is one.

import { DeviceClient, makePorts, PreferenceStore } from "iotf-embedded";
import config from "mc/config";

const options = {
  org: config.org,
  type: config.type,
  id: config.id,
  "auth-method": "token",
  "auth-token": config.token,
  host: config.host,
  port: config.port ?? 1883,
  tls: false, // example tls has it
  "clean-session": false,
};

const client = new DeviceClient(options, makePorts({ store: new PreferenceStore("buffering") }));
client.connectedCallback = () => trace(`connected as ${client.clientId}\n`);
client.disconnectedCallback = reason => trace(`disconnected: ${reason?.message}\n`);
client.errorCallback = error => trace(`${error.message}\n`);
client.connect();
const kept = client.publishEvent("started", "json", { at: new Date().toISOString() }, 1, error => {
  trace(error ? `lost: ${error.message}\n` : "confirmed\n");
});
trace(kept ? "kept\n" : "no room\n");
