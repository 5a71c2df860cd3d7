// What does the platform tell the program that runs it?

export type QoS = 0 | 1 | 2;

export interface ConnectEvent {
  readonly clientId: string;
  /** True when the client asked for a session that ends with the connection. */
  readonly cleanSession: boolean;
}

export interface RefusedEvent {
  readonly clientId: string;
  /** The CONNACK code of §1.6. */
  readonly returnCode: number;
}

export interface DisconnectEvent {
  readonly clientId: string;
  /** True when a DISCONNECT packet was seen. */
  readonly clean: boolean;
  /** The close code of §1.7. */
  readonly reason: number;
  readonly detail: string;
}

/** An event of a device, or a command for one. */
export interface PlatformMessage {
  /** Who published it; empty when the platform did. */
  readonly clientId: string;
  readonly org: string;
  readonly type: string;
  readonly id: string;
  readonly format: string;
  readonly payload: Buffer;
  /** As published; a receiver may have subscribed at less. */
  readonly qos: QoS;
}

export interface DeviceEvent extends PlatformMessage {
  readonly event: string;
}

export interface CommandEvent extends PlatformMessage {
  readonly command: string;
}

/** What a device published under `iotdevice-1/`; nothing here answers it. */
export interface ManagementEvent extends PlatformMessage {
  /** As the device spelled it. */
  readonly topic: string;
}

/** A rule was broken; the connection closes. */
export interface ViolationEvent {
  /** Empty when it happened before a CONNECT could be read. */
  readonly clientId: string;
  /** The close code of §1.7. */
  readonly reason: number;
  readonly detail: string;
}

/** A request over HTTP was answered. */
export interface RequestEvent {
  /** Empty when it was refused before its device was known. */
  readonly clientId: string;
  readonly path: string;
  readonly status: number;
}

/** What is held for a client. */
export interface SessionInfo {
  readonly clientId: string;
  readonly connected: boolean;
  /** True: it ends with the connection. */
  readonly cleanSession: boolean;
  /** With the QoS granted. */
  readonly subscriptions: readonly { readonly topic: string; readonly qos: QoS }[];
  /**
   * Messages of QoS 1 and 2 that the client has not confirmed: those that wait for it and those on their way. 0 for a
   * clean session, for which nothing waits.
   */
  readonly waiting: number;
}

export interface PlatformEvents {
  connect: [ConnectEvent];
  /** Its filters are known, and what they cover is on its way from now on; see `session`. */
  subscribe: [{ readonly clientId: string }];
  refused: [RefusedEvent];
  disconnect: [DisconnectEvent];
  event: [DeviceEvent];
  command: [CommandEvent];
  management: [ManagementEvent];
  violation: [ViolationEvent];
  /** A device waits over HTTP for a command. */
  waiting: [{ readonly clientId: string }];
  request: [RequestEvent];
}
