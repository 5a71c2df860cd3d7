// Inside XS: the packets that matter most, through mqtt-packet alone. Registered for measuring (xs/measure.ts).

import { Buffer } from "buffer";
import { type Packet, parser, writeToStream } from "mqtt-packet";
import { PacketReader, PacketWriter } from "../../src/wire/packet.ts";
import { Collector } from "./streams.ts";

declare const host: { register(name: string, run: () => unknown): void };

const stream = new Collector();
const writer = new PacketWriter(1024);
writer.attach({ writable: 65536, write() {}, close() {} });
const payload = Buffer.from(JSON.stringify({ d: { temp: 21.5, hum: 40, ok: true } }));
const event = { cmd: "publish", topic: Buffer.from("iot-2/evt/status/fmt/json"), payload, qos: 1, messageId: 7 };
const acknowledgement = { cmd: "puback", messageId: 7 };

function frameOf(packet: object): Uint8Array {
  stream.used = 0;
  writeToStream(packet, stream);
  return stream.bytes;
}

const command = frameOf({ ...event, topic: Buffer.from("iot-2/cmd/reboot/fmt/json") });
const puback = frameOf(acknowledgement);

const seen: { last?: Packet } = {};
const bare = parser({ protocolVersion: 4 });
bare.on("packet", packet => {
  seen.last = packet;
});
const reader = new PacketReader();

const { topic } = event;

host.register("write event", () => void writer.publish(topic, payload, 1, false, false, 7));
host.register("write puback", () => void writer.ack("puback", 7));
host.register("read command", () => void reader.read(command));
host.register("read puback", () => void reader.read(puback));

// The same by mqtt-packet alone.
host.register("mqtt-packet: write event", () => void frameOf(event));
host.register("mqtt-packet: write puback", () => void frameOf(acknowledgement));
host.register("mqtt-packet: read command", () => void bare.parse(command));
host.register("mqtt-packet: read puback", () => void bare.parse(puback));
