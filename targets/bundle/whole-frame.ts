// Reads what a device reads most, in one go: a PUBLISH or an acknowledgement that came whole and alone, as wire/frame.ts
// hands them over. mqtt-packet's parser asks here first (patches.ts, group "reader"); whatever is not as it should be goes
// its usual way, and is refused there.

import { decodeUtf8 } from "../../src/codec/utf8.ts";

/** The fields of mqtt-packet's own Packet. */
export interface WholePacket {
  cmd: string;
  retain: boolean;
  qos: number;
  dup: boolean;
  length: number;
  topic: string | null;
  payload: Uint8Array | null;
  messageId?: number;
}

/** undefined: not for here. */
export function wholeFrame(bytes: Uint8Array): WholePacket | undefined {
  const type = bytes[0]! >> 4;
  if (type === 3) return publish(bytes);
  return type > 3 && type < 8 && bytes.length === 4 && bytes[1] === 2 ? acknowledgement(bytes) : undefined;
}

function acknowledgement(bytes: Uint8Array): WholePacket | undefined {
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
  const messageId = (bytes[2]! << 8) | bytes[3]!;
  return { cmd, retain: false, qos: (first >> 1) & 3, dup: false, length: 2, topic: null, payload: null, messageId };
}

function publish(bytes: Uint8Array): WholePacket | undefined {
  const first = bytes[0]!;
  const qos = (first >> 1) & 3;
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
  const packet: WholePacket = {
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
