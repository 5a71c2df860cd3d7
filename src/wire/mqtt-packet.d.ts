// The part of mqtt-packet (and of the `buffer` it builds on) that packet.ts uses, in Uint8Array terms: its own
// declarations need Node's types, which must not reach src.

export interface Packet {
  cmd: string;
  length: number;
  retain: boolean;
  qos: 0 | 1 | 2;
  dup: boolean;
  messageId?: number;
  topic?: string | null;
  payload?: Uint8Array | null;
  sessionPresent?: boolean;
  returnCode?: number;
  granted?: number[];
  /** Ours: the size in bytes of a PUBLISH too large to keep, whose payload was skipped. */
  oversize?: number;
}

export interface PacketParser {
  on(event: "packet", listener: (packet: Packet) => void): void;
  on(event: "error", listener: (error: Error) => void): void;
  /** Returns how many bytes are left over. */
  parse(bytes: Uint8Array): number;
}

/** What packets are written to. The published mqtt-packet calls `write` and `destroy`; the trimmed one all of it. */
export interface PacketStream {
  write(chunk: Uint8Array | string): boolean;
  writeByte(value: number): void;
  writeUInt16(value: number): void;
  destroy(error: Error): void;
}

export function parser(options?: { protocolVersion: number }): PacketParser;
export function writeToStream(packet: object, stream: PacketStream): boolean;
export const Buffer: { from(text: string): Uint8Array };
