// What a client counts.

import type { Publisher } from "./session/publisher.ts";

/** Counters for people and for tests. `queued` and `inflight` are current values, the others count since construction. */
export interface Counters {
  /** Messages that wait to be sent. */
  queued: number;
  /** Messages of QoS 1 and 2 that are sent and not confirmed. */
  inflight: number;
  /** Accepted messages given up with an error: by disconnect(), a refusal, `limits.dropOldest` or `limits.redeliveries`. */
  dropped: number;
  /** PUBLISH and PUBREL packets sent again. */
  resent: number;
  /** Connections after the first. */
  reconnects: number;
  /** Received messages that were larger than `limits.frameBytes`. */
  oversize: number;
}

export function countersOf(
  publisher: Publisher,
  connections: number | undefined,
  oversize: number | undefined,
): Counters {
  return {
    queued: publisher.outbox.count,
    inflight: publisher.inflight.count,
    dropped: publisher.droppedCount ?? 0,
    resent: publisher.resentCount ?? 0,
    reconnects: Math.max((connections ?? 0) - 1, 0),
    oversize: oversize ?? 0,
  };
}
