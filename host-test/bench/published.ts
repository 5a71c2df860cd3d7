// mqtt-packet without the patches, behind the functions that src/mqtt/wire calls: its events become a returned packet.

import type * as patched from "#mqtt-packet";
import { type Packet, type PacketParser, parser as publishedParser, writeToStream } from "#mqtt-packet";

interface EventParser {
  on(event: "packet", listener: (packet: Packet) => void): void;
  on(event: "error", listener: (error: Error) => void): void;
  parse(frame: Uint8Array): unknown;
}

export { writeToStream };

export const writePublish: typeof patched.writePublish = (stream, topic, payload, qos, retain, dup, messageId) =>
  writeToStream({ cmd: "publish", topic, payload, qos, retain, dup, messageId }, stream);

export const writeAcknowledgement: typeof patched.writeAcknowledgement = (stream, cmd, messageId) =>
  writeToStream({ cmd, messageId }, stream);

export function parser(options?: { protocolVersion: number }): PacketParser {
  const inner = publishedParser(options) as unknown as EventParser;
  let packet: Packet | null = null;
  let error: Error | null = null;
  inner.on("packet", parsed => {
    packet = parsed;
  });
  inner.on("error", refusal => {
    error = refusal;
  });
  return {
    get error() {
      return error;
    },
    parse(frame) {
      packet = null;
      error = null;
      inner.parse(frame);
      return packet;
    },
  };
}
