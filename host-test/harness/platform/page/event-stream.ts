// Sends updates to a page as server-sent events, at most ten a second. The connection of a page that does not read is
// closed; the browser then reconnects and gets the whole history again.

import type { ServerResponse } from "node:http";
import type { Cursor } from "./cursor.ts";
import type { History } from "./history.ts";

/** Minimum time between two updates, milliseconds. */
const INTERVAL_MS = 100;
/** Time after which the browser reconnects, milliseconds. */
const RETRY_MS = 1000;
/** Unread bytes at which the connection is closed. */
const MAX_UNREAD = 4 * 1024 * 1024;

/** One server-sent event. JSON escapes line breaks, so it is one line. */
export function frame(data: unknown): string {
  return `data: ${JSON.stringify(data)}\n\n`;
}

/** Sends updates until the response is closed. */
export function streamUpdates(response: ServerResponse, history: History, cursor: Cursor): void {
  let timer: NodeJS.Timeout | undefined;
  let pending = false;
  const send = () => {
    pending = false;
    timer = setTimeout(expired, INTERVAL_MS);
    response.write(frame(cursor.next()));
    if (response.writableLength > MAX_UNREAD) response.destroy();
  };
  const expired = () => {
    timer = undefined;
    if (pending) send();
  };
  const changed = () => {
    if (timer) pending = true;
    else send();
  };
  history.listeners.add(changed);
  response.once("close", () => {
    history.listeners.delete(changed);
    clearTimeout(timer);
  });
  response.write(`retry: ${RETRY_MS}\n\n`);
  send();
}
