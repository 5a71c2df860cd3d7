// The part of mqtt-packet (and of the `buffer` it builds on) that packet.ts uses, in Uint8Array terms: its own
// declarations need Node's types, which must not reach src.

export interface Packet {
  cmd: string;
  length: number;
  retain: boolean;
  qos: 0 | 1 | 2;
  dup: boolean;
  messageId?: number;
  topic?: string;
  payload?: Uint8Array;
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

export interface PacketStream {
  write(chunk: Uint8Array | string): boolean;
  destroy(error: Error): void;
}

export function parser(options?: { protocolVersion: number }): PacketParser;
export const writeToStream: {
  (packet: object, stream: PacketStream): boolean;
  cacheNumbers: boolean;
};
export const Buffer: { from(text: string): Uint8Array };
