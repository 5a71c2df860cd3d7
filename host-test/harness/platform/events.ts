// Events that a Platform emits.

import type { ActionOutcome } from "./management/actions.ts";

export type QoS = 0 | 1 | 2;

export interface ConnectEvent {
  readonly clientId: string;
  /** True when the client asked for a session that ends with the connection. */
  readonly cleanSession: boolean;
}

export interface RefusedEvent {
  readonly clientId: string;
  /** The CONNACK code of docs/protocol.md 1.6. */
  readonly returnCode: number;
}

export interface DisconnectEvent {
  readonly clientId: string;
  /** True when a DISCONNECT packet was seen. */
  readonly clean: boolean;
  /** The close code of docs/protocol.md 1.7. */
  readonly reason: number;
  readonly detail: string;
}

/** An event of a device, or a command for one. */
export interface PlatformMessage {
  /** Client id of the publisher; empty for the platform itself. */
  readonly clientId: string;
  readonly org: string;
  readonly type: string;
  readonly id: string;
  readonly format: string;
  readonly payload: Buffer;
  /** As published; a receiver may have subscribed at a lower QoS. */
  readonly qos: QoS;
}

export interface DeviceEvent extends PlatformMessage {
  readonly event: string;
}

export interface CommandEvent extends PlatformMessage {
  readonly command: string;
}

/** A message of a device on `iotdevice-1/…`. */
export interface ManagementEvent extends PlatformMessage {
  /** The topic of the device. */
  readonly topic: string;
}

/** A rule was broken. The connection closes, except for a rule of device management (docs/protocol.md 7). */
export interface ViolationEvent {
  /** Empty before CONNECT. */
  readonly clientId: string;
  /** The close code of docs/protocol.md 1.7; absent if the connection stays open. */
  readonly reason?: number;
  readonly detail: string;
}

/** An action that an operator started on a managed device has ended. */
export interface ActionEvent extends ActionOutcome {
  readonly clientId: string;
}

/** A request over HTTP was answered. */
export interface RequestEvent {
  /** Empty if the request was refused before its device was known. */
  readonly clientId: string;
  readonly path: string;
  readonly status: number;
}

/** The session of a client. */
export interface SessionInfo {
  readonly clientId: string;
  readonly connected: boolean;
  /** True: the session ends with the connection. */
  readonly cleanSession: boolean;
  /** With the granted QoS. */
  readonly subscriptions: readonly { readonly topic: string; readonly qos: QoS }[];
  /**
   * Messages of QoS 1 and 2 that are queued or in flight for the client. 0 for a clean session.
   */
  readonly waiting: number;
}

export interface PlatformEvents {
  connect: [ConnectEvent];
  /** A client subscribed; see `session`. */
  subscribe: [{ readonly clientId: string }];
  refused: [RefusedEvent];
  disconnect: [DisconnectEvent];
  event: [DeviceEvent];
  command: [CommandEvent];
  management: [ManagementEvent];
  violation: [ViolationEvent];
  /** What is known about a managed device has changed; see `management`. */
  managed: [{ readonly clientId: string }];
  action: [ActionEvent];
  /** A device waits for a command over HTTP. */
  waiting: [{ readonly clientId: string }];
  request: [RequestEvent];
}
