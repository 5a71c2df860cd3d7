// When to send PINGREQ and when to give a link up [MQTT-3.1.2-23, 3.1.2-24].
//
// Time is divided into ticks of half the keep-alive. Receiving sets a flag and sending grows a count that is kept
// anyway, so no packet on the hot path asks for the time, and a clock that wraps cannot matter. A tick in which nothing
// was sent, or nothing arrived, ends with a PINGREQ: the server hears from us at least once per keep-alive, and we hear
// from it, even when we publish all the time at QoS 0 into a link that is dead.

/** What to do at the end of a tick. */
export type KeepAliveAct = "rest" | "ping" | "dead";

/** Tick used when the keep-alive is 0: no PINGREQ is sent, but stalled writes are still noticed. Milliseconds. */
const IDLE_TICK_MS = 60_000;

export class KeepAlive {
  /** Milliseconds between calls of {@link tick}, from `accepted` on. */
  readonly tickMs: number;
  private readonly pings: boolean;
  // Since the last tick: did anything arrive. At the last tick: was a ping sent, and how many bytes had left.
  private arrived = true;
  private asked = false;
  private sentMark = 0;

  /** @param seconds keep-alive as in CONNECT, 0..65535; 0 switches PINGREQ off. */
  constructor(seconds: number) {
    this.pings = seconds > 0;
    this.tickMs = seconds > 0 ? seconds * 500 : IDLE_TICK_MS;
  }

  /** A connection begins. */
  reset(): void {
    this.arrived = true;
    this.asked = false;
    this.sentMark = -1;
  }

  /** Bytes arrived. */
  heard(): void {
    this.arrived = true;
  }

  /**
   * The end of a tick. "dead": a whole tick after a PINGREQ nothing has arrived, or bytes wait to be sent and not one of
   * them left.
   * @param sentBytes how many bytes have left so far (grows, or wraps, by what was sent)
   * @param pending whether bytes still wait to leave
   */
  tick(sentBytes: number, pending: boolean): KeepAliveAct {
    const moved = sentBytes !== this.sentMark;
    const stalled = pending && !moved;
    this.sentMark = sentBytes;
    if (stalled || (this.asked && !this.arrived)) return "dead";
    const quiet = !moved || !this.arrived;
    this.arrived = false;
    this.asked = this.pings && quiet;
    return this.asked ? "ping" : "rest";
  }
}
