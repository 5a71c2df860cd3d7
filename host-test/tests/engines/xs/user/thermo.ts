// For command.test.ts: a device as a user writes one, in TypeScript. Leaves on command.

import { type Command, DeviceClient } from "iotf-embedded";
import config from "mc/config";
import Time from "time";
import Timer from "timer";

const client = new DeviceClient({
  org: config.org,
  type: config.type,
  id: config.id,
  "auth-method": "token",
  "auth-token": config.token,
  host: config.host,
  port: config.port,
  tls: false,
});
const from = Time.ticks;

const every = Timer.repeat(() => {
  client.publishEvent("status", "json", { up: Time.ticks >= from }, 1, error => console.log("confirmed", error ?? ""));
}, 20);

client.connectedCallback = () => trace("connected ", client.clientId, "\n");
client.commandCallback = ({ command }: Command) => {
  console.log(command, { leaving: true }, [1]);
  Timer.clear(every);
  client.disconnect(() => console.warn("gone"));
};
client.connect();
