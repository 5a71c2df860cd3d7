// A door that reports each opening, and has to report all of them, also those of a long night without network.
//
//   healthy   counts what the outbox did not take, and reports the number when there is room again
//   ignoring  does not look at what publishEvent returns
//   blocking  waits in a loop until there is room

import { DeviceClient } from "../../../../../dist/node.js";
import type { Bench } from "../../../../../dist/testing.js";

export type Way = "healthy" | "ignoring" | "blocking";

/** Returns what its sensor calls. */
export function door({ options }: Bench, way: Way): () => void {
  const client = new DeviceClient({ ...options, limits: { queuedMessages: 20 } });
  let unreported = 0;

  function report(count: number): boolean {
    return client.publishEvent("opened", "json", { count }, 1, catchUp);
  }

  function catchUp(): void {
    if (unreported && report(unreported)) unreported = 0;
  }

  client.connect();
  return () => {
    if (way === "blocking") while (!report(1));
    else if (!report(1) && way === "healthy") unreported++;
  };
}
