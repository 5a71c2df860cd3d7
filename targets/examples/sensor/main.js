// Events from a sensor: a reading every five seconds at QoS 1, so that none is lost while the connection is down for a
// short time. mcconfig -d -m -p esp32 ssid=… password=… org=… type=… id=… token=… host=…

import { DeviceClient } from "iotf-embedded";
import config from "mc/config";
import { readCelsius } from "sensor";
import Timer from "timer";

const INTERVAL_MS = 5000;

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
client.connectedCallback = () => trace(`connected as ${client.clientId}\n`);
client.disconnectedCallback = (reason, retryMs) => {
  trace(`disconnected: ${reason?.message}\n`);
  if (retryMs < 0) Timer.clear(timer); // the client does not retry: publishEvent would return false
};

const timer = Timer.repeat(publish, INTERVAL_MS);
client.connect();
publish();

function publish() {
  const reading = { celsius: readCelsius() };
  const accepted = client.publishEvent("reading", "json", reading, 1, error => {
    trace(error ? `lost: ${error.message}\n` : `confirmed ${JSON.stringify(reading)}\n`);
  });
  if (!accepted) trace("the outbox is full, reading dropped\n");
}
