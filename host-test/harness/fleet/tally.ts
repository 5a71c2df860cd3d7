// Which events were lost, and which arrived twice? Compares what devices published with what the observer received.
//
// Events are compared by device and content, because an event has no number: two events of one device with the same event
// id, format and payload count as copies of each other. An event that both sides have is forgotten. Of the others each side
// keeps MAX_EVENTS.

/** Different events that a side keeps at each QoS. With more, the comparison ends: see `overflowed`. */
const MAX_EVENTS = 2_000_000;

export type Qos = 0 | 1 | 2;

/** By the QoS of the events. */
export type PerQos = [number, number, number];

export interface Differences {
  /** Confirmed by the broker (QoS 0: sent) and not received. */
  lost: PerQos;
  /** Received more often than published. */
  duplicates: PerQos;
}

export class Tally {
  /** More events differ than can be kept: the observer hardly receives anything. Nothing is compared any more. */
  overflowed = false;
  readonly #confirmed: Map<number, number>[] = [new Map(), new Map(), new Map()];
  readonly #received: Map<number, number>[] = [new Map(), new Map(), new Map()];
  readonly #uncertain: Map<number, number>[] = [new Map(), new Map(), new Map()];
  readonly #most: number;

  constructor(most = MAX_EVENTS) {
    this.#most = most;
  }

  /** Different events that are confirmed and that the observer has not received yet. */
  get pending(): number {
    return this.#confirmed.reduce((sum, counts) => sum + counts.size, 0);
  }

  /** The broker confirmed an event (QoS 0: the device sent it). */
  confirmed(event: number, qos: Qos): void {
    if (!this.#settle(this.#received, event, qos)) this.#keep(this.#confirmed[qos]!, event);
  }

  /** The observer received an event. `qos`: that of the delivery. */
  received(event: number, qos: Qos): void {
    if (this.#settle(this.#confirmed, event, qos) || this.#settle(this.#uncertain, event, qos)) return;
    this.#keep(this.#received[qos]!, event);
  }

  /**
   * The broker may have it or not: it was not confirmed. Received or not, it is neither lost nor a duplicate.
   * Called at the end, or when the device drops it.
   */
  uncertain(event: number, qos: Qos): void {
    if (!this.#settle(this.#received, event, qos)) this.#keep(this.#uncertain[qos]!, event);
  }

  get differences(): Differences {
    return { lost: counts(this.#confirmed), duplicates: counts(this.#received) };
  }

  // A broker may deliver an event at a lower QoS than it was published at: its own QoS is preferred, any other will do.
  #settle(side: readonly Map<number, number>[], event: number, qos: Qos): boolean {
    for (const counts of [side[qos]!, ...side]) {
      const count = counts.get(event);
      if (count === undefined) continue;
      if (count > 1) counts.set(event, count - 1);
      else counts.delete(event);
      return true;
    }
    return false;
  }

  #keep(counts: Map<number, number>, event: number): void {
    if (this.overflowed) return;
    counts.set(event, (counts.get(event) ?? 0) + 1);
    if (counts.size <= this.#most) return;
    this.overflowed = true;
    for (const map of [...this.#confirmed, ...this.#received, ...this.#uncertain]) map.clear();
  }
}

function counts(maps: readonly Map<number, number>[]): PerQos {
  return maps.map(map => [...map.values()].reduce((sum, count) => sum + count, 0)) as PerQos;
}
