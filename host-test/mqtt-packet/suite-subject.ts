// What the test suite sees as mqtt-packet: the patched writer, and the patched parser as the device uses it, behind
// wholeFrame. `generate` is not in the bundle; here it is made of `writeToStream`, which is what it is in mqtt-packet.

import { type Packet, type PacketParser, parser as patchedParser, writeToStream } from "mqtt-packet";
import { wholeFrame } from "../../src/wire/whole-frame.ts";
import { Collector } from "./streams.ts";
import { Buffer } from "./suite-buffer.ts";

export { writeToStream };

type Heard = (value: never) => void;

/** A parser that is shown what wholeFrame leaves to it, and from then on everything: the rest of a frame, for one. */
export function parser(options?: { protocolVersion: number }): PacketParser {
  const inner = patchedParser(options);
  let onPacket: ((packet: Packet) => void) | undefined;
  let mayBeWhole = options?.protocolVersion !== 5;
  return {
    on(event: "packet" | "error", listener: Heard) {
      if (event === "packet") onPacket = listener as typeof onPacket;
      inner.on(event as "packet", listener as typeof listener & ((packet: Packet) => void));
    },
    parse(bytes) {
      const packet = mayBeWhole ? wholeFrame(bytes) : undefined;
      if (!packet) {
        mayBeWhole = false;
        return inner.parse(bytes);
      }
      onPacket?.(packet);
      return 0;
    },
  };
}

export function generate(packet: object, options?: object): Uint8Array {
  const stream = new Collector();
  (writeToStream as (packet: object, stream: Collector, options?: object) => boolean)(packet, stream, options);
  return Buffer.over(stream.bytes);
}
