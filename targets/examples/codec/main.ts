// A format of one's own, in TypeScript: a reading in four bytes instead of thirty, tenths of a degree and of a percent.

import { type Codec, DeviceClient, InvalidEventException } from "iotf-embedded";
import config from "mc/config";
import Timer from "timer";

interface Reading {
  celsius: number;
  humidity: number;
}

const BYTES = 4;

const tenths: Codec = {
  encode(data) {
    const { celsius, humidity } = data as Reading;
    const bytes = new Uint8Array(BYTES);
    const view = new DataView(bytes.buffer);
    view.setInt16(0, Math.round(celsius * 10));
    view.setUint16(2, Math.round(humidity * 10));
    return bytes;
  },
  decode({ payload }) {
    if (payload.length !== BYTES) throw new InvalidEventException(`${payload.length} bytes instead of ${BYTES}`);
    const view = new DataView(payload.buffer, payload.byteOffset, BYTES);
    return { data: { celsius: view.getInt16(0) / 10, humidity: view.getUint16(2) / 10 } };
  },
};

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
client.setMessageEncoderModule("tenths", tenths);
client.connectedCallback = () => trace(`connected as ${client.clientId}\n`);
client.disconnectedCallback = (reason, retryMs) => {
  trace(`disconnected: ${reason?.message}\n`);
  if (retryMs < 0) Timer.clear(timer); // the client does not retry: publishEvent would return false
};
client.commandCallback = ({ command, data }) => trace(`${command} ${JSON.stringify(data)}\n`);
client.errorCallback = error => trace(`${error.message}\n`);

const timer = Timer.repeat(() => {
  client.publishEvent("reading", "tenths", { celsius: 20.5, humidity: 48.2 });
}, 5000);
client.connect();
