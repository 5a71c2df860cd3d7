// What the server tells the page. Types only: the server runs on Node, the page in a browser.

export type MessageKind = "connect" | "disconnect" | "refused" | "violation" | "event" | "command";

/** Fit to be shown: printable and short. */
export interface Message {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly kind: MessageKind;
  /** Event or command id; empty for the other kinds, as are format and QoS. */
  readonly name: string;
  readonly format: string;
  readonly qos: number | undefined;
  readonly text: string;
}

export interface DeviceSummary {
  readonly clientId: string;
  readonly connected: boolean;
  readonly since: number;
  readonly events: number;
  readonly commands: number;
  /** Bytes, if the device tells. */
  readonly heap?: number;
}

export interface FieldUpdate {
  /** Place among the device's fields; never changes. */
  readonly index: number;
  readonly event: string;
  readonly path: string;
  readonly points: readonly (readonly [at: number, value: number])[];
}

export interface DeviceUpdate {
  readonly clientId: string;
  /** True: forget what was told of this device before. */
  readonly fresh: boolean;
  readonly moreFields: boolean;
  readonly fields: readonly FieldUpdate[];
  /** First events, then the rest; each in the order of time. */
  readonly messages: readonly Message[];
}

export interface Update {
  readonly devices: readonly DeviceSummary[];
  /** There were devices for which there was no room. */
  readonly moreDevices: boolean;
  /** Of the device looked at; absent when there is none. */
  readonly device?: DeviceUpdate;
  /** How many points of a field, events and other messages the page need keep. */
  readonly keep: { readonly points: number; readonly messages: number };
}
