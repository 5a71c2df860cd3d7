// One measured run, in a process of its own: a client publishes events to a broker until all are confirmed. Prints JSON:
// CPU microseconds per message, messages per second, peak memory. Arguments: client, QoS, messages, port, payload bytes,
// devices. Plain JavaScript, so that no compiler for TypeScript is measured.

import { once } from "node:events";
import net from "node:net";
import mqtt from "mqtt";
import { DeviceClient } from "../../dist/node.js";

/** Events sent and not confirmed. */
const OUTSTANDING = 100;
const WARM_UP = 20_000; // until V8 has compiled all of it

const [, , client = "ours", qosText = "1", countText = "10000", portText = "1883", sizeText = "0", devicesText = "1"] =
  process.argv;
const qos = Number(qosText);
const devices = Number(devicesText);
const port = Number(portText);
const size = Number(sizeText);
const event = size ? { filler: "x".repeat(Math.max(0, size - 13)) } : { name: "foo", cpu: 60, mem: 50 };

// A client to measure has publish(done) and close(). `done` is called when the broker has acknowledged the event, at QoS 0
// when the socket has it.

/** Several devices publish in turn. */
async function ours() {
  const each = await Promise.all(Array.from({ length: devices }, (_, n) => oneOfOurs(n)));
  let turn = 0;
  return {
    publish: done => each[turn++ % devices].publish(done),
    close: () => Promise.all(each.map(one => one.close())),
  };
}

async function oneOfOurs(n) {
  const device = new DeviceClient({
    org: "abc123",
    type: "bench",
    id: `ours-${process.pid}-${n}`,
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

/**
 * No client: one write per turn of the event loop, and of each answer only its type is read. This measures Node's sockets,
 * JSON, and a broker that writes each acknowledgement by itself.
 */
async function floor() {
  const topic = Buffer.from("iot-2/evt/status/fmt/json");
  const socket = net.connect(port, "127.0.0.1");
  socket.setNoDelay(true);
  await once(socket, "connect");
  const id = Buffer.from(`floor-${process.pid}`);
  socket.write(Buffer.from([0x10, 12 + id.length, 0, 4, 77, 81, 84, 84, 4, 2, 0, 60, 0, id.length, ...id]));
  await once(socket, "data");
  const waiting = [];
  let block = Buffer.alloc(65536);
  let used = 0;
  let half = 0;
  const send = size => {
    if (used === 0) process.nextTick(flush);
    used += size;
  };
  const spare = [];
  const flush = () => {
    const full = block;
    socket.write(full.subarray(0, used), () => spare.push(full));
    block = spare.pop() ?? Buffer.allocUnsafeSlow(65536);
    used = 0;
  };
  socket.on("data", chunk => {
    // Every answer has four bytes: type, 2, packet id. At QoS 2 each second one is a PUBREC, to be answered.
    for (half += chunk.length; half >= 4; half -= 4) {
      const type = chunk[chunk.length - half] ?? 0x40;
      if (type === 0x50) {
        block.set([0x62, 2, chunk[chunk.length - half + 2], chunk[chunk.length - half + 3]], used);
        send(4);
      } else waiting.shift()();
    }
  });
  let packetId = 0;
  return {
    publish(done) {
      const payload = Buffer.from(JSON.stringify(event));
      const length = 2 + topic.length + payload.length + (qos ? 2 : 0);
      packetId = (packetId % 65535) + 1;
      let at = used;
      block[at++] = 0x30 | (qos << 1);
      block[at++] = length;
      block[at++] = 0;
      block[at++] = topic.length;
      block.set(topic, at);
      at += topic.length;
      if (qos) {
        block[at++] = packetId >> 8;
        block[at++] = packetId;
      }
      block.set(payload, at);
      send(at + payload.length - used);
      if (qos) waiting.push(done);
      else done();
    },
    close: async () => socket.destroy(),
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

const publisher = await { ours, mqttjs, ibmiotf, floor }[client]();
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
