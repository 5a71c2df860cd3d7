// The device that is measured inside XS: the bundle on ports that live in XS too, so that nothing but the client runs.
// Its transport takes everything and counts bytes; the server's packets are made ready beforehand.

const CONNACK = Uint8Array.of(0x20, 2, 0, 0);
const SUBACK = Uint8Array.of(0x90, 3, 0, 1, 1);
const EVENT = { name: "foo", cpu: 60, mem: 50 };
const COMMAND = publishFrame("iot-2/cmd/setInterval/fmt/json", '{"interval":5}', 7);
const WINDOW = 10;

export function start({ lib, options }) {
  let listener;
  let bytes = 0;
  const transport = {
    writable: 65536,
    write(chunk) {
      bytes += chunk.length;
    },
    close() {},
  };
  const timer = { set() {}, clear() {} };
  const ports = {
    open(_, owner) {
      listener = owner;
      return transport;
    },
    clock: { now: () => 0, date: () => 0, timer: () => timer },
    random: () => 0.5,
  };
  let client;
  let handled = 0;
  const handle = () => {
    handled++;
  };
  // Made before anything is measured: the acknowledgement of each packet id in a window.
  const acks = { puback: [], pubrec: [], pubcomp: [] };
  let firstId = 2; // 1 was the SUBSCRIBE
  let published = 0;

  function prepareAcks() {
    for (const [name, type] of [
      ["puback", 0x40],
      ["pubrec", 0x50],
      ["pubcomp", 0x70],
    ]) {
      acks[name] = [];
      for (let i = 0; i < WINDOW; i++) {
        const id = ((firstId + i - 1) % 65535) + 1;
        acks[name].push(Uint8Array.of(type, 2, id >> 8, id & 255));
      }
    }
    firstId = ((firstId + WINDOW - 1) % 65535) + 1;
  }

  return {
    connect() {
      client = new lib.DeviceClient(options, ports);
      client.commandCallback = handle;
      client.connect();
      listener.opened();
      listener.received(CONNACK);
      listener.received(SUBACK);
    },
    prepareAcks,
    qos0: () => client.publishEvent("status", "json", EVENT, 0),
    qos1: () => client.publishEvent("status", "json", EVENT, 1),
    qos2: () => client.publishEvent("status", "json", EVENT, 2),
    puback: i => listener.received(acks.puback[i]),
    pubrec: i => listener.received(acks.pubrec[i]),
    pubcomp: i => listener.received(acks.pubcomp[i]),
    command: () => listener.received(COMMAND),
    json: () => new TextEncoder().encode(JSON.stringify(EVENT)),
    empty: () => {},
    /** `count` events whose lengths run through 2,000 different ones, each confirmed before the next. */
    lengths(count) {
      for (let i = 0; i < count; i++) {
        prepareAcks();
        firstId = ((firstId - WINDOW) % 65535) + 1;
        client.publishEvent("status", "json", "x".repeat(published++ % 2000), 1);
        listener.received(acks.puback[0]);
      }
      acks.puback = [];
      acks.pubrec = [];
      acks.pubcomp = [];
    },
    seen: () => ({ bytes, handled, counters: client.counters }),
    /** Makes functions of what an event and a command are made of, once connected. */
    takeApart() {
      const parts = partsOf(client, lib);
      for (const name in parts) host.register(name, parts[name]);
    },
  };
}

// Reaches into the client by the names its parts have in src, which the bundle keeps.
function partsOf(client, { encodePayload }) {
  const { writer, reader, splitter, ports } = client;
  const { topic, codec } = client.kind("status", "json");
  const encoder = new TextEncoder();
  const payload = encoder.encode(JSON.stringify(EVENT));
  const packet = reader.read(COMMAND);
  const deaf = { frame() {} };
  const room = new Uint8Array(256);
  return {
    found: () => client.kind("status", "json"),
    encoded: () => encodePayload(codec, EVENT, false, ports.clock),
    native: () => encoder.encode(JSON.stringify(EVENT)),
    written: () => writer.publish(topic, payload, 1, false, false, 7),
    copied: () => {
      room.set(topic, 4);
      room.set(payload, 40);
    },
    split: () => {
      splitter.listener = deaf;
      splitter.push(COMMAND);
      splitter.listener = client;
    },
    read: () => reader.read(COMMAND),
    handled: () => client.onMessage(packet),
    acknowledged: () => writer.ack("puback", 7),
  };
}

function publishFrame(topic, payload, id) {
  const text = new TextEncoder();
  const topicBytes = text.encode(topic);
  const payloadBytes = text.encode(payload);
  const length = 4 + topicBytes.length + payloadBytes.length;
  const frame = new Uint8Array(2 + length);
  frame.set([0x32, length, topicBytes.length >> 8, topicBytes.length & 255]);
  frame.set(topicBytes, 4);
  frame.set([id >> 8, id & 255], 4 + topicBytes.length);
  frame.set(payloadBytes, 6 + topicBytes.length);
  return frame;
}
