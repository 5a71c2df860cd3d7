// When does the client look at the connection, when does it send PINGREQ, and when does it give up a silent connection
// [MQTT-3.1.2-23] [MQTT-3.1.2-24]?
//
// Time is divided into ticks of half the keep-alive. Packets do not read the clock: sending and receiving advance counters
// that exist anyway. A tick in which nothing was sent or nothing was received ends with PINGREQ. So the server hears from
// the client at least once per keep-alive, and the client notices a dead connection even while it publishes at QoS 0.
//
// The connection has one timer. Ticks are divided into equal parts, none longer than the acknowledgement timeout, so that
// the same timer also serves to look for packets that were not acknowledged. With a short keep-alive, that happens every
// few parts.

/** What to do at the end of a part. */
export type KeepAliveAction = "none" | "ping" | "dead";

/** Length of a tick when the keep-alive is 0: no PINGREQ is sent, but blocked writes are still noticed. Milliseconds. */
const TICK_WITHOUT_KEEPALIVE_MS = 60_000;

export class KeepAlive {
  private readonly seconds: number;
  private readonly ackTimeoutMs: number;
  // Since CONNACK.
  private parts = 0;
  // At the last tick: was PINGREQ sent, and the counters.
  private pinged = false;
  private sentBefore = 0;
  private receivedBefore = 0;

  /**
   * @param seconds keep-alive as in CONNECT, 0..65535; 0 switches PINGREQ off
   * @param ackTimeoutMs most milliseconds between two checks for acknowledgements
   */
  constructor(seconds: number, ackTimeoutMs: number) {
    this.seconds = seconds;
    this.ackTimeoutMs = ackTimeoutMs;
  }

  private get tickMs(): number {
    return this.seconds * 500 || TICK_WITHOUT_KEEPALIVE_MS;
  }

  private get partsPerTick(): number {
    return Math.ceil(this.tickMs / this.ackTimeoutMs);
  }

  /** Milliseconds between calls of {@link tick}, from CONNACK on. */
  get partMs(): number {
    return Math.round(this.tickMs / this.partsPerTick);
  }

  /** A connection begins. */
  reset(): void {
    this.parts = 0;
    this.pinged = false;
    this.sentBefore = -1;
    this.receivedBefore = -1;
  }

  /** True if this part ends with a look at the acknowledgements. Call it before {@link tick}. */
  get checkDue(): boolean {
    return (this.parts + 1) % Math.max(1, Math.floor(this.ackTimeoutMs / this.partMs)) === 0;
  }

  /**
   * The end of a part. "dead": nothing was received in a whole tick after PINGREQ, or bytes wait and none of them was sent.
   * @param sent number of bytes sent so far
   * @param received number of chunks received so far
   * @param pending true while bytes wait to be sent
   */
  tick(sent: number, received: number, pending: boolean): KeepAliveAction {
    if (++this.parts % this.partsPerTick > 0) return "none";
    const sending = sent !== this.sentBefore;
    const receiving = received !== this.receivedBefore;
    this.sentBefore = sent;
    this.receivedBefore = received;
    if (pending ? !sending : this.pinged && !receiving) return "dead";
    const ping = this.seconds > 0 && !(sending && receiving);
    // A PINGREQ behind other bytes, perhaps a large payload, may not be answered within a tick.
    this.pinged = ping && !pending;
    return ping ? "ping" : "none";
  }
}
