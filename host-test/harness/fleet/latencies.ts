// A histogram of times: percentiles with three digits, in memory that does not grow with the number of times.

import Int32Histogram from "hdr-histogram-js/dist/Int32Histogram.js";
import RecordedValuesIterator from "hdr-histogram-js/dist/RecordedValuesIterator.js";

/** Milliseconds; null: no time was recorded. */
export interface LatencySummary {
  readonly count: number;
  readonly p50: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
  readonly max: number | null;
}

/** Times in milliseconds with their numbers, in ascending order. */
export type LatencyCounts = readonly (readonly [ms: number, count: number])[];

const US_PER_MS = 1000;
const DIGITS = 3;

export class Latencies {
  readonly #histogram = new (commonJsDefault(Int32Histogram))(1, 2, DIGITS);

  constructor() {
    this.#histogram.autoResize = true;
  }

  record(ms: number, count = 1): void {
    this.#histogram.recordValueWithCount(Math.max(1, Math.round(ms * US_PER_MS)), count);
  }

  /** Adds what another histogram holds. */
  add(counts: LatencyCounts): void {
    for (const [ms, count] of counts) this.record(ms, count);
  }

  get counts(): LatencyCounts {
    const iterator = new (commonJsDefault(RecordedValuesIterator))(this.#histogram);
    const counts: [number, number][] = [];
    while (iterator.hasNext()) {
      const { valueIteratedTo, countAtValueIteratedTo } = iterator.next();
      counts.push([valueIteratedTo / US_PER_MS, countAtValueIteratedTo]);
    }
    return counts;
  }

  get summary(): LatencySummary {
    const count = this.#histogram.totalCount;
    const at = (percentile: number) => (count ? this.#histogram.getValueAtPercentile(percentile) / US_PER_MS : null);
    return { count, p50: at(50), p95: at(95), p99: at(99), max: at(100) };
  }
}

/** Loaders differ in what the default export of a CommonJS module with `exports.default` is. */
function commonJsDefault<T>(module: T | { default: T }): T {
  return (module as { default?: T }).default ?? (module as T);
}
