// Topic filters of SUBSCRIBE.

import type { Subscription } from "../../../src/mqtt/wire/encoder.ts";

/** A filter for each topic, all at the same QoS. */
export function filters(qos: 0 | 1 | 2, ...topics: string[]): Subscription[] {
  return topics.map(topic => ({ topic, qos }));
}
