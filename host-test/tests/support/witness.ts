// What a client said, read by mqtt-packet as published: a witness that knows nothing of our bundle, nor of the reader that
// users' tests have (testing/packets.ts).

import { createRequire } from "node:module";
import type { SentPacket } from "../../harness/testing/packets.ts";

/** What mqtt-packet makes of a packet from a client. */
export interface ClientPacket extends Omit<SentPacket, "size"> {
  length: number;
  payload?: Buffer;
  password?: Buffer;
  protocolId?: string;
  protocolVersion?: number;
  will?: { topic: string; payload: Buffer; qos: number; retain: boolean };
}

interface Parser {
  on(event: "packet", listener: (packet: ClientPacket) => void): void;
  on(event: "error", listener: (error: Error) => void): void;
  parse(bytes: Uint8Array): number;
}

// By require: tsconfig.json leads the name "mqtt-packet" to our few declarations of it.
const original: { parser(options: object): Parser } = createRequire(import.meta.url)("mqtt-packet");

/** Reads the stream of one connection. */
export class Witness {
  /** Bytes of a packet that has not come to its end. */
  unfinished = 0;
  private readonly parser = original.parser({ protocolVersion: 4 });
  private packets: ClientPacket[] = [];

  constructor() {
    this.parser.on("packet", packet => this.packets.push(packet));
    this.parser.on("error", error => {
      throw new Error(`the client broke MQTT: ${error.message}`);
    });
  }

  /** The packets that end in `bytes`. */
  read(bytes: Uint8Array): ClientPacket[] {
    this.packets = [];
    this.unfinished = this.parser.parse(Buffer.from(bytes));
    return this.packets;
  }
}

/** All packets of a whole stream; throws when bytes are left over. */
export function parseSent(bytes: Uint8Array): ClientPacket[] {
  const witness = new Witness();
  const packets = witness.read(bytes);
  if (witness.unfinished) throw new Error(`${witness.unfinished} bytes behind the last packet`);
  return packets;
}
