// Reads what a device reads most, in one go: a PUBLISH or an acknowledgement that came whole and alone, as frame.ts hands
// them over. Everything else, and whatever is not as it should be, is left to mqtt-packet and refused there.
//
// What comes out is, field by field, what mqtt-packet makes of the same frame (host-test/mqtt-packet/equality.test.ts). It
// is here because mqtt-packet's parser is an object of 47 slots that would have to stay, for packets of which a device
// sees one in thirty seconds.

import type { Packet } from "mqtt-packet";
import { decodeUtf8 } from "../codec/utf8.ts";

/** undefined: not for here. */
export function wholeFrame(bytes: Uint8Array): Packet | undefined {
  const type = bytes[0]! >> 4;
  if (type === 3) return publish(bytes);
  return type > 3 && type < 8 && bytes.length === 4 && bytes[1] === 2 ? acknowledgement(bytes) : undefined;
}

function acknowledgement(bytes: Uint8Array): Packet | undefined {
  const first = bytes[0]!;
  const cmd =
    first === 0x40
      ? "puback"
      : first === 0x50
        ? "pubrec"
        : first === 0x62
          ? "pubrel"
          : first === 0x70
            ? "pubcomp"
            : undefined;
  if (!cmd) return undefined;
  const qos = ((first >> 1) & 3) as Packet["qos"];
  const messageId = (bytes[2]! << 8) | bytes[3]!;
  return { cmd, retain: false, qos, dup: false, length: 2, topic: null, payload: null, messageId };
}

function publish(bytes: Uint8Array): Packet | undefined {
  const first = bytes[0]!;
  const qos = ((first >> 1) & 3) as Packet["qos"] | 3;
  let at = 1;
  let length = 0;
  let byte: number;
  do {
    byte = bytes[at]!;
    length |= (byte & 127) << (7 * (at++ - 1));
  } while (byte > 127 && at < 5);
  const from = at + 2;
  const to = from + ((bytes[at]! << 8) | bytes[at + 1]!);
  const start = qos === 0 ? to : to + 2;
  if (byte > 127 || qos === 3 || at + length !== bytes.length || start > bytes.length) return undefined;
  let topic: string;
  try {
    topic = decodeUtf8(bytes, from, to);
  } catch {
    return undefined;
  }
  const packet: Packet = {
    cmd: "publish",
    retain: (first & 1) === 1,
    qos,
    dup: (first & 8) === 8,
    length,
    topic,
    payload: bytes.subarray(start),
  };
  if (qos > 0) packet.messageId = (bytes[to]! << 8) | bytes[to + 1]!;
  return packet;
}
