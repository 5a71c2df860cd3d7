// What a client counts. Types only.

/** Counters for people and for tests. `queued` and `inflight` are current values, the others count since construction. */
export interface Counters {
  /** Messages that wait to be sent. */
  queued: number;
  /** Messages of QoS 1 and 2 that are sent and not confirmed. */
  inflight: number;
  /** Accepted messages given up with an error: by disconnect(), a refusal, or `limits.dropOldest`. */
  dropped: number;
  /** PUBLISH and PUBREL packets sent again. */
  resent: number;
  /** Connections after the first. */
  reconnects: number;
  /** Received messages that were larger than `limits.frameBytes`. */
  oversize: number;
}
