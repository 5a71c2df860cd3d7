// What the test suite sees as mqtt-packet: the patched parser and writer. `generate` is not in the bundle; here it is
// made of `writeToStream`, which is what it is in mqtt-packet.

import { parser, writeToStream } from "mqtt-packet";
import { Collector } from "./streams.ts";
import { Buffer } from "./suite-buffer.ts";

export { parser, writeToStream };

/** `size`: how large the stream's buffer is at first. */
export function generate(packet: object, options?: object, size?: number): Uint8Array {
  const stream = new Collector(size);
  (writeToStream as (packet: object, stream: Collector, options?: object) => boolean)(packet, stream, options);
  return Buffer.over(stream.bytes);
}
