// Inside XS: the four most frequent packets of a device, through Encoder and Decoder, and by mqtt-packet's own functions.
// Registered for measuring (harness/xs/measure.ts).

import { parser, writeToStream } from "#mqtt-packet";
import { Decoder } from "../../../src/mqtt/wire/decoder.ts";
import { Encoder } from "../../../src/mqtt/wire/encoder.ts";
import { SendBuffer } from "../../../src/mqtt/wire/send-buffer.ts";
import { encodeUtf8 } from "../../../src/utf8.ts";
import { puback, publish } from "../../harness/testing/frames.ts";
import { Collector } from "./streams.ts";

declare const host: { register(name: string, run: () => unknown): void };

const stream = new Collector();
const buffer = new SendBuffer(1024);
buffer.attach({ writable: 65536, write() {}, close() {} });
const encoder = new Encoder(buffer);
const decoder = new Decoder({ packet() {}, protocolError() {} }, 1024);
const payload = encodeUtf8(JSON.stringify({ d: { temp: 21.5, hum: 40, ok: true } }));
const topic = encodeUtf8("iot-2/evt/status/fmt/json");
const event = { cmd: "publish", topic, payload, qos: 1, messageId: 7 };
const acknowledgement = { cmd: "puback", messageId: 7 };

// Without the patches, writeToStream writes every packet.
function frameOf(packet: object): Uint8Array {
  stream.used = 0;
  writeToStream(packet, stream);
  return stream.bytes;
}

const command = publish("iot-2/cmd/reboot/fmt/json", payload, { qos: 1, id: 7 });
const acknowledged = puback(7);
const bare = parser({ protocolVersion: 4 });
// The published parser emits packets, and fails without a listener.
if ("on" in bare) (bare as unknown as { on(event: string, listener: () => void): void }).on("packet", () => {});

host.register("write event", () => void encoder.publish(topic, payload, 1, false, false, 7));
host.register("write puback", () => void encoder.ack("puback", 7));
host.register("read command", () => decoder.push(command));
host.register("read puback", () => decoder.push(acknowledged));

host.register("mqtt-packet: write event", () => void frameOf(event));
host.register("mqtt-packet: write puback", () => void frameOf(acknowledgement));
host.register("mqtt-packet: read command", () => void bare.parse(command));
host.register("mqtt-packet: read puback", () => void bare.parse(acknowledged));
