// The patched mqtt-packet with the interface that the test suite expects, called as src/mqtt/wire calls it. The suite
// listens to events; the patched parser returns packets. The suite passes text as topic and payload; the encoder passes
// bytes. `generate` is not in the bundle; here, as in mqtt-packet, it calls `writeToStream`.

import * as patched from "#mqtt-packet";
import { encodeUtf8 } from "../../../src/utf8.ts";
import { Collector } from "./streams.ts";
import type { Parser } from "./subjects.ts";
import { Buffer } from "./suite-buffer.ts";

export function parser(options?: { protocolVersion: number }): Parser {
  const inner = patched.parser(options);
  if ("on" in inner) return inner as unknown as Parser; // without the patches it has events
  let onPacket: ((packet: patched.Packet) => void) | undefined;
  let onError: ((error: Error) => void) | undefined;
  return {
    on(event: "packet" | "error", listener: (value: never) => void) {
      if (event === "packet") onPacket = listener as typeof onPacket;
      else onError = listener as typeof onError;
    },
    parse(bytes) {
      const packet = inner.parse(bytes);
      if (packet) onPacket?.(packet);
      else onError?.(inner.error!);
      return 0;
    },
  };
}

type Writer = (packet: object, stream: unknown, options?: object) => boolean;

export const writeToStream: Writer = (packet, stream, options) => {
  const sent = withBytes(packet);
  const { cmd, topic, payload, qos, retain, dup, messageId } = sent as Record<string, never>;
  // As the encoder calls them, if the patches of group "callers" are applied.
  if (patched.writePublish.length > 3) {
    if (cmd === "publish") return patched.writePublish(stream as never, topic, payload, qos, retain, dup, messageId);
    if (/^pub/.test(cmd)) return patched.writeAcknowledgement(stream as never, cmd, messageId);
  }
  return (patched.writeToStream as unknown as Writer)(sent, stream, options);
};

export function generate(packet: object, options?: object): Uint8Array {
  const stream = new Collector();
  writeToStream(packet, stream, options);
  return Buffer.over(stream.bytes);
}

function withBytes(packet: { cmd?: string; topic?: unknown; payload?: unknown }): object {
  if (packet.cmd !== "publish") return packet;
  return { ...packet, topic: asBytes(packet.topic), payload: asBytes(packet.payload ?? "") };
}

function asBytes(value: unknown): unknown {
  return typeof value === "string" ? encodeUtf8(value) : value;
}
