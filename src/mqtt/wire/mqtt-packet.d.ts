// The part of mqtt-packet, as targets/bundle/patches.ts makes it, that this folder uses.

export interface Packet {
  cmd: string;
  /** Remaining length, in bytes. */
  length: number;
  retain: boolean;
  qos: 0 | 1 | 2;
  dup: boolean;
  messageId?: number;
  /** null unless `cmd` is "publish". */
  topic: string | null;
  /** null unless `cmd` is "publish". */
  payload: Uint8Array | null;
  sessionPresent?: boolean;
  returnCode?: number;
  granted?: number[];
  /** Set by {@link Decoder}: size in bytes of a PUBLISH larger than `frameBytes`, whose payload was skipped. */
  oversize?: number;
}

export interface PacketParser {
  /** Why the last parse() returned null. */
  readonly error: Error | null;
  /** Parses one whole packet. The payload is a view of `frame`; the parser keeps nothing of it. */
  parse(frame: Uint8Array): Packet | null;
}

/** What packets are written to. */
export interface PacketStream {
  write(chunk: Uint8Array): boolean;
  writeByte(value: number): void;
  writeUInt16(value: number): void;
}

export function parser(options?: { protocolVersion: number }): PacketParser;
/** CONNECT, SUBSCRIBE, UNSUBSCRIBE, PINGREQ, DISCONNECT. */
export function writeToStream(packet: object, stream: PacketStream): boolean;
/** @param messageId without a meaning at QoS 0 */
export function writePublish(
  stream: PacketStream,
  topic: Uint8Array,
  payload: Uint8Array,
  qos: number,
  retain: boolean,
  dup: boolean,
  messageId: number,
): boolean;
export function writeAcknowledgement(
  stream: PacketStream,
  type: "puback" | "pubrec" | "pubrel" | "pubcomp",
  messageId: number,
): boolean;
