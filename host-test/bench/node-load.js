// One measured run, in a process of its own: a client publishes events to a broker until all are confirmed. Prints JSON:
// CPU microseconds per message, messages per second, peak memory. Arguments: client, QoS, messages, port, payload bytes.
// Plain JavaScript: what compiles TypeScript would be measured too.

import mqtt from "mqtt";
import { DeviceClient } from "../../dist/node.js";

/** Events on their way at once. */
const OUTSTANDING = 100;
const WARM_UP = 20_000; // until the compiler has nothing left to do

const [, , client = "ours", qosText = "1", countText = "10000", portText = "1883", sizeText = "0"] = process.argv;
const qos = Number(qosText);
const port = Number(portText);
const size = Number(sizeText);
const event = size ? { filler: "x".repeat(Math.max(0, size - 13)) } : { name: "foo", cpu: 60, mem: 50 };

// A client to measure: publish(done), where `done` is called when the broker has the event, or at QoS 0 when it is handed
// over; close().

async function ours() {
  const device = new DeviceClient({
    org: "abc123",
    type: "bench",
    id: `ours-${process.pid}`,
    "auth-method": "token",
    "auth-token": "x",
    host: "127.0.0.1",
    port,
    tls: false,
    limits: { inflight: OUTSTANDING, queuedMessages: OUTSTANDING, queuedBytes: 1 << 28 },
  });
  await new Promise(resolve => {
    device.connectedCallback = resolve;
    device.connect();
  });
  return {
    publish: done => {
      if (!device.publishEvent("status", "json", event, qos, done)) throw new Error("outbox full");
    },
    close: () => new Promise(resolve => device.disconnect(resolve)),
  };
}

async function mqttjs() {
  const peer = await mqtt.connectAsync(`mqtt://127.0.0.1:${port}`, { clientId: `mqttjs-${process.pid}` });
  return {
    publish: done =>
      peer.publish("iot-2/evt/status/fmt/json", JSON.stringify(event), { qos }, error => done(error ?? undefined)),
    close: () => peer.endAsync(),
  };
}

async function ibmiotf() {
  const { default: ibm } = await import("ibmiotf");
  const peer = new ibm.IotfDevice({
    org: "abc123",
    type: "bench",
    id: `ibmiotf-${process.pid}`,
    "auth-method": "token",
    "auth-token": "x",
    "mqtt-server": "127.0.0.1",
  });
  peer.log.setLevel("silent");
  peer.host = `tcp://127.0.0.1:${port}`; // it knows port 8883 only
  await new Promise(resolve => {
    peer.on("connect", resolve);
    peer.connect();
  });
  return {
    publish: done => peer.publish("status", "json", event, qos, done),
    close: async () => peer.disconnect(),
  };
}

function run(publisher, count) {
  return new Promise((resolve, reject) => {
    let started = 0;
    let confirmed = 0;
    const done = error => {
      if (error) return reject(error);
      confirmed++;
      if (confirmed === count) resolve();
      // At QoS 0 `done` may come from inside publish: the stack must not grow with the run.
      else if (started < count && started - confirmed === OUTSTANDING - 1) setImmediate(fill);
    };
    const fill = () => {
      while (started < count && started - confirmed < OUTSTANDING && keepTurn()) {
        started++;
        publisher.publish(done);
      }
      if (started < count && started - confirmed < OUTSTANDING) setImmediate(fill);
    };
    // A turn of the event loop publishes one window at most, whatever the client confirms at once.
    let turn = 0;
    const keepTurn = () => {
      turn = (turn + 1) % OUTSTANDING;
      return turn !== 0;
    };
    fill();
  });
}

const publisher = await { ours, mqttjs, ibmiotf }[client]();
await run(publisher, WARM_UP);
const cpu = process.cpuUsage();
const begin = performance.now();
const count = Number(countText);
await run(publisher, count);
const { user, system } = process.cpuUsage(cpu);
const wallMs = performance.now() - begin;
const { maxRSS } = process.resourceUsage();
process.stdout.write(
  JSON.stringify({ cpuUs: (user + system) / count, perSecond: (count * 1000) / wallMs, maxRssKb: maxRSS }),
);
await publisher.close();
process.exit(0);
