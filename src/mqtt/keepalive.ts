// When does the client look at the connection, when does it send PINGREQ, and when does it give up a silent connection
// [MQTT-3.1.2-23] [MQTT-3.1.2-24]?
//
// The client looks at what was sent and received once per half of the keep-alive. Packets do not read the clock: sending
// and receiving only set flags. A half in which nothing was sent or nothing was received ends with PINGREQ. So the server
// hears from the client at least once per keep-alive, and the client notices a dead connection even while it publishes at
// QoS 0.
//
// The connection has one timer. Each half is divided by checks at equal intervals, none longer than the acknowledgement
// timeout, so that the same timer also serves to look for packets that were not acknowledged. With a short keep-alive, only
// some checks look at the acknowledgements.

/** What the keep-alive reads of the link. It clears the flags when a half begins. */
export interface Traffic {
  receivedInHalf: boolean;
  readonly buffer: {
    sentInHalf: boolean;
    /** Bytes wait to be sent. */
    readonly pending: boolean;
  };
}

/** What a check asks the connection to do. */
export type KeepAliveAction = "none" | "ping" | "dead";

/** In place of half the keep-alive when it is 0: no PINGREQ is sent, but blocked writes are still noticed. Milliseconds. */
const HALF_WITHOUT_KEEPALIVE_MS = 60_000;
/** Default of `ackTimeout`, milliseconds. */
const ACK_TIMEOUT_MS = 20_000;

export class KeepAlive {
  private readonly seconds: number;
  // Absent: the default.
  private readonly givenAckTimeoutMs?: number;
  // Number of checks since CONNACK.
  private checks = 0;
  // PINGREQ was sent at the end of the last half.
  private pinged = false;

  /**
   * @param seconds keep-alive as in CONNECT, 0..65535; 0 switches PINGREQ off
   * @param ackTimeoutMs most milliseconds between two checks for acknowledgements; default 20,000
   */
  constructor(seconds: number, ackTimeoutMs?: number) {
    this.seconds = seconds;
    if (ackTimeoutMs !== undefined) this.givenAckTimeoutMs = ackTimeoutMs;
  }

  private get ackTimeoutMs(): number {
    return this.givenAckTimeoutMs ?? ACK_TIMEOUT_MS;
  }

  private get halfMs(): number {
    return this.seconds * 500 || HALF_WITHOUT_KEEPALIVE_MS;
  }

  private get checksPerHalf(): number {
    return -Math.floor(-this.halfMs / this.ackTimeoutMs); // rounded up
  }

  /** Milliseconds between calls of {@link check}, from CONNACK on. */
  get checkMs(): number {
    return Math.floor(this.halfMs / this.checksPerHalf + 0.5);
  }

  /** A connection begins, on `link`. */
  reset(link: Traffic): void {
    this.checks = 0;
    this.pinged = false;
    clear(link);
  }

  /** True if the acknowledgements have to be looked at before the next {@link check}. */
  get ackCheckDue(): boolean {
    return (this.checks + 1) % Math.max(1, Math.floor(this.ackTimeoutMs / this.checkMs)) === 0;
  }

  /**
   * Call it every {@link checkMs}. "dead": nothing was received in a whole half after PINGREQ, or bytes wait and none of them
   * was sent.
   */
  check(link: Traffic): KeepAliveAction {
    if (++this.checks % this.checksPerHalf > 0) return "none";
    const { receivedInHalf: received, buffer } = link;
    const { sentInHalf: sent, pending } = buffer;
    clear(link);
    if (pending ? !sent : this.pinged && !received) return "dead";
    const ping = this.seconds > 0 && !(sent && received);
    // A PINGREQ behind other bytes, perhaps a large payload, may not be answered within a half.
    this.pinged = ping && !pending;
    return ping ? "ping" : "none";
  }
}

function clear(link: Traffic): void {
  link.receivedInHalf = false;
  link.buffer.sentInHalf = false;
}
