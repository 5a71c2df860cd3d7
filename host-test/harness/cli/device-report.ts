// Reports of the demo device (demo/device.js) as console lines.

import type { Line } from "./console.ts";

export interface Report {
  /**
   * "event", "full", "failed", "command", "handled", "complaint", "connected", "disconnected" or "error"; of a managed device
   * also "managed", "operator" and "firmware".
   */
  readonly what: string;
  readonly details: Readonly<Record<string, unknown>>;
}

export function reportLine({ what, details }: Report): Line {
  const { event, command, format, qos, data, text, reason } = details as Record<string, string | undefined>;
  const name = event ?? command;
  const shown = data === undefined ? text : JSON.stringify(data);
  const line = { party: "device", kind: what, name } as const;
  switch (what) {
    case "event":
      return { ...line, direction: "→", format, qos: Number(qos), text: shown };
    case "command":
      return { ...line, direction: "←", format, text: shown };
    case "operator":
      return { ...line, direction: "←" };
    case "managed":
    case "firmware":
      return { ...line, direction: " ", text };
    case "connected":
      return { ...line, direction: " ", text: String(details.clientId) };
    case "handled":
    case "complaint":
      return { ...line, direction: " ", text, bad: what === "complaint" };
    case "disconnected": {
      const again = Number(details.retryMs) >= 0 ? "; the client retries" : "";
      return { ...line, direction: " ", text: reason === undefined ? "" : reason + again, bad: reason !== undefined };
    }
    default:
      return { ...line, direction: " ", text: reason ?? "event not accepted: the outbox is full", bad: true };
  }
}
