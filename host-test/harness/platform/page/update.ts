// Data from the server to the page. Types only: the server runs on Node, the page in a browser.

export type MessageKind = "connect" | "disconnect" | "refused" | "violation" | "event" | "command" | "action";

/** Printable and short. */
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

/** Time in milliseconds since 1970, and value; null at a disconnect, where the line is interrupted. */
export type Point = readonly [at: number, value: number | boolean | null];

export interface DeviceSummary {
  readonly clientId: string;
  readonly connected: boolean;
  /** Milliseconds since 1970; absent if the device has not connected with MQTT. */
  readonly since?: number;
  readonly events: number;
  readonly commands: number;
  /** Free memory in bytes, if the device publishes it. */
  readonly heap?: number;
}

export interface FieldUpdate {
  /** Index among the fields of the device; never changes. */
  readonly index: number;
  readonly event: string;
  readonly path: string;
  readonly points: readonly Point[];
}

/** What the page shows of device management; every text is printable and short. */
export interface ManagedSummary {
  readonly state: "managed" | "dormant" | "not managed";
  readonly deviceActions: boolean;
  readonly firmwareActions: boolean;
  readonly fwVersion: string;
  /** State and updateStatus of the firmware. */
  readonly firmware: string;
  /** 0..100, if the device reports it. */
  readonly progress?: number;
  readonly errorCodes: string;
  /** The last entries, newest first. */
  readonly log: readonly string[];
}

export interface DeviceUpdate {
  readonly clientId: string;
  /** True: this replaces all earlier data of the device. */
  readonly fresh: boolean;
  /** Absent if the device has not used device management. */
  readonly managed?: ManagedSummary;
  readonly moreFields: boolean;
  readonly fields: readonly FieldUpdate[];
  /** First events, then other messages; both in order of time. */
  readonly messages: readonly Message[];
}

export interface Update {
  readonly devices: readonly DeviceSummary[];
  /** Devices were left out because of the limit. */
  readonly moreDevices: boolean;
  /** The device that the page shows; absent if there is none. */
  readonly device?: DeviceUpdate;
  /** How many points of a field, and how many events and other messages, the page keeps. */
  readonly keep: { readonly points: number; readonly messages: number };
}
