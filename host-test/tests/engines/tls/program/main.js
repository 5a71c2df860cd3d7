// In the simulator: connects to one server after the other, each with the authorities and the name of its case, and traces
// what becomes of it.

import Resource from "Resource";
import { DeviceClient } from "iotf-embedded";
import Timer from "timer";

const text = new Resource("cases.json");
const cases = JSON.parse(String.fromArrayBuffer(text.slice(0, text.byteLength)));

function connect(number) {
  const entry = cases[number];
  if (!entry) return trace("all cases done\n");
  let over = false;
  const end = outcome => {
    if (over) return;
    over = true;
    trace(`case ${number}: ${outcome}\n`);
    client.disconnect();
    Timer.set(() => connect(number + 1));
  };
  const { port, name, ca, cert, key, token } = entry;
  const client = new DeviceClient({
    org: "abc123",
    type: "thermo",
    id: "t-01",
    "auth-method": "token",
    "auth-token": token,
    host: "127.0.0.1",
    port,
    tls: true,
    "server-name": name,
    ...(ca ? { ca: Uint8Array.fromBase64(ca) } : undefined),
    ...(cert ? { cert, key } : undefined),
  });
  client.connectedCallback = () => end("connected");
  client.disconnectedCallback = reason => end(reason?.message);
  client.connect();
}

connect(0);
