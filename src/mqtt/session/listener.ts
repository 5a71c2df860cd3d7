// What the session tells its owner. Types only.

import type { Packet } from "../wire/decoder.ts";

export interface SessionListener {
  /** A message was received. It is acknowledged when this returns. */
  message(packet: Packet): void;
  /** The server broke the standard; the listener ends the connection. */
  protocolError(reason: string): void;
}
