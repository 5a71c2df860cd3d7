// Does the server answer a message by closing the connection? MQTT 3.1.1 has no other way to refuse one [MQTT-3.3.5-2].

/** Closings in a row, with the same message first in flight, after which the message is reported. */
const SUSPICIOUS_CLOSINGS = 3;

export class Redeliveries {
  /** Closings by the server, in a row, on which the same message was first in flight. */
  closings = 0;
  private id = 0;
  private readonly limit: number;

  /** @param limit closings that a message survives; 0: any number */
  constructor(limit: number) {
    this.limit = limit;
  }

  /** The server closed the connection while message `id` was first in flight. */
  serverClosed(id: number): "none" | "report" | "drop" {
    this.closings = id === this.id ? this.closings + 1 : 1;
    this.id = id;
    if (this.limit > 0 && this.closings > this.limit) return "drop";
    return this.closings === SUSPICIOUS_CLOSINGS ? "report" : "none";
  }
}
