// HttpClient in the simulator: sends an event, then asks for commands, one after the other, and traces what it gets.

import Resource from "Resource";
import { HttpClient } from "iotf-embedded/http";
import config from "mc/config";

const options = {
  org: config.org,
  type: config.type,
  id: config.id,
  "auth-method": "token",
  "auth-token": config.token,
  host: config.host,
  port: config.port,
  tls: config.secure === "true",
  limits: { frameBytes: 4096 },
};
if (options.tls) {
  const ca = new Resource("ca.pem");
  options.ca = new Uint8Array(ca.slice(0, ca.byteLength));
}
const client = new HttpClient(options);

function request() {
  client.requestCommand("+", 60, (error, command) => {
    if (error) return trace(`failed: ${error.code} ${error.message}\n`);
    trace(`${command.command} ${JSON.stringify(command.data)}\n`);
    request();
  });
}

client.publishEvent("status", "json", { name: "온도", text: "x".repeat(Number(config.characters)) }, error => {
  trace(error ? `refused: ${error.message}\n` : "confirmed\n");
  if (!error) request();
});
