// Messages on `…/mon` (docs/protocol.md 2.4): connects and disconnects of devices.

import { utf8 } from "../platform/printable.ts";

const ACTIONS = { Connect: "connect", Disconnect: "disconnect", FailedConnect: "refused" } as const;

export interface MonitorEntry {
  readonly kind: (typeof ACTIONS)[keyof typeof ACTIONS];
  readonly closeCode: unknown;
  readonly reason: unknown;
  readonly time: unknown;
}

/** Undefined for a payload of another form. */
export function parseMonitorMessage(payload: Uint8Array): MonitorEntry | undefined {
  let fields: Record<string, unknown>;
  try {
    fields = Object(JSON.parse(utf8(payload) ?? ""));
  } catch {
    return undefined;
  }
  const { Action, CloseCode, Reason, Time } = fields;
  const kind = Object.hasOwn(ACTIONS, String(Action)) ? ACTIONS[Action as keyof typeof ACTIONS] : undefined;
  return kind && { kind, closeCode: CloseCode, reason: Reason, time: Time };
}
