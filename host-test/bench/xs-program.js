// Runs inside XS: a device whose ports are in XS as well, so that only the client is measured. Its transport takes all
// bytes and counts them. The packets of the server are prepared before a measurement.

const CONNACK = Uint8Array.of(0x20, 2, 0, 0);
const SUBACK = Uint8Array.of(0x90, 3, 0, 1, 1);
const EVENT = { name: "foo", cpu: 60, mem: 50 };
/** 45 bytes of JSON. */
const WAITING = { name: "thermometer-1", cpu: 60.25, mem: 50 };
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
  // The acknowledgements of a window of packet identifiers.
  const acks = { puback: [], pubrec: [], pubcomp: [] };
  let firstId = 2; // 1 was the SUBSCRIBE
  // The first five events are longer than the transmit buffer, and the next ones short: that makes all fields of the
  // client.
  let published = 1995;

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
    connect(className) {
      client = new lib[className](options, ports);
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
    /** `count` events of 2,000 different lengths in turn, each acknowledged before the next. */
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
    lose: () => listener.closed(),
    /** `count` events of QoS 0 with payloads of 45 bytes. */
    wait(count) {
      for (let i = 0; i < count; i++) {
        if (!client.publishEvent("status", "json", WAITING, 0)) throw new Error(`event ${i} does not fit`);
      }
    },
    seen: () => ({ bytes, handled, counters: client.counters }),
    /** Registers the parts of an event and of a command. The client must be connected. */
    registerParts() {
      const parts = partsOf(client, lib, ports.clock);
      for (const name in parts) host.register(name, parts[name]);
    },
  };
}

// Uses private fields by their names in src: profile.ts makes a bundle that keeps them.
function partsOf(client, { encodePayload }, clock) {
  const { events, connection } = client;
  const { encoder, decoder } = connection.link;
  const { parser, listener } = decoder;
  const { topic, codec, timed } = events.get("status", "json", connection);
  const utf8 = new TextEncoder();
  const payload = utf8.encode(JSON.stringify(EVENT));
  const packet = parser.parse(COMMAND);
  const command = packet.payload;
  const noListener = { packet() {} };
  const room = new Uint8Array(256);
  return {
    lookup: () => events.get("status", "json", connection),
    encode: () => encodePayload(codec, EVENT, timed, clock),
    native: () => utf8.encode(JSON.stringify(EVENT)),
    frame: () => encoder.publish(topic, payload, 1, false, false, 7),
    copy: () => {
      room.set(topic, 4);
      room.set(payload, 40);
    },
    decode: () => {
      decoder.listener = noListener;
      decoder.push(COMMAND);
      decoder.listener = listener;
    },
    parse: () => parser.parse(COMMAND),
    receive: () => {
      packet.payload = command; // the codec has let go of it
      connection.callbacks.receiver.receive(packet);
    },
    acknowledge: () => encoder.ack("puback", 7),
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
