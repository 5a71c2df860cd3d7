// Updates as they happen, by server-sent events: at once, then at most ten times a second. A reader that falls behind is
// cut off; it comes back by itself and gets everything anew.

import type { ServerResponse } from "node:http";
import type { History } from "./history.ts";
import type { Cursor } from "./update.ts";

/** Least time between two updates, milliseconds. */
const PAUSE_MS = 100;
/** How long the page waits before it comes back, milliseconds. */
const RETRY_MS = 1000;
/** Unread bytes at which a reader is given up. */
const MOST_UNREAD = 4 * 1024 * 1024;

/** One server-sent event. JSON has its line breaks escaped, so one line holds it. */
export function frame(data: unknown): string {
  return `data: ${JSON.stringify(data)}\n\n`;
}

/** Feeds `response` until it is closed. */
export function stream(response: ServerResponse, history: History, cursor: Cursor): void {
  let pause: NodeJS.Timeout | undefined;
  let behind = false;
  const send = () => {
    behind = false;
    pause = setTimeout(rested, PAUSE_MS);
    response.write(frame(cursor.next()));
    if (response.writableLength > MOST_UNREAD) response.destroy();
  };
  const rested = () => {
    pause = undefined;
    if (behind) send();
  };
  const changed = () => {
    if (pause) behind = true;
    else send();
  };
  history.watchers.add(changed);
  response.once("close", () => {
    history.watchers.delete(changed);
    clearTimeout(pause);
  });
  response.write(`retry: ${RETRY_MS}\n\n`);
  send();
}
