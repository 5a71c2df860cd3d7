// Commands that drive a pin: `switch` with {"on":true} or {"on":false}. The new state goes out as event `switched`, so
// that the application knows what the device did, not what it was told.

import { DeviceClient } from "iotf-embedded";
import config from "mc/config";

const PIN = 2;

const Digital = globalThis.device?.io?.Digital;
// The simulator has no pins.
const pin = Digital ? new Digital({ pin: PIN, mode: Digital.Output }) : { write: on => trace(`pin ${PIN} is ${on}\n`) };

const client = new DeviceClient({
  org: config.org,
  type: config.type,
  id: config.id,
  "auth-method": "token",
  "auth-token": config.token,
  host: config.host,
  port: config.port ?? 1883,
  tls: false, // example tls has it
});
client.commandCallback = ({ command, data }) => {
  if (command !== "switch" || typeof data?.on !== "boolean") return trace(`not understood: ${command}\n`);
  pin.write(data.on ? 1 : 0);
  client.publishEvent("switched", "json", { on: data.on }, 1);
};
client.connectedCallback = () => trace(`connected as ${client.clientId}\n`);
client.disconnectedCallback = reason => trace(`disconnected: ${reason?.message}\n`);
client.errorCallback = error => trace(`${error.message}\n`);
client.connect();
