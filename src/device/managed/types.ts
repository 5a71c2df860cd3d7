// What ManagedDeviceClient exchanges with the application and with the installer of firmware. Types only.

import type { IotfError } from "../../errors.ts";
import type { DeviceOptions } from "../config.ts";

/** Options of ManagedDeviceClient: those of DeviceClient, and `managed`. */
export interface ManagedDeviceOptions extends DeviceOptions {
  managed?: ManagedOptions;
}

export interface ManagedOptions {
  /** Seconds until the server counts the device as unmanaged, 3600..4294967, or 0 for never. Default 3600. */
  lifetime?: number;
  /** Sent with each manage request; see {@link ManagedDeviceClient.setDeviceInfo}. */
  deviceInfo?: DeviceInfo;
  /** Sent with each manage request: any object that JSON can write. */
  metadata?: Readonly<Record<string, unknown>>;
  /** Bundle ids of the custom actions that this device executes; each 1..255 of `A-Z a-z 0-9 - _ .`, at most 8. */
  bundles?: readonly string[];
  /** Downloads and installs firmware. Without it firmware requests are answered 501. */
  installer?: FirmwareInstaller;
  /**
   * Milliseconds, 1..2147483647, within which the server has to answer a request that it has acknowledged, and the
   * application a request of the server. Default 30,000.
   */
  requestTimeout?: number;
  limits?: ManagedLimits;
}

export interface ManagedLimits {
  /**
   * Most requests of this device that wait for an answer, most requests of the server that the application has not answered,
   * and most answers that find no room in the outbox, each 1..255. Default 8.
   */
  requests?: number;
  /** Most observed attributes, 4..255. Default 16. */
  observed?: number;
  /** Largest JSON text of the metadata and of the device info, bytes, 2..32768. Default 1,024. */
  attributeBytes?: number;
}

/** The attributes that the server can set and observe (docs/protocol.md 7.3). */
export type AttributeName = "location" | "metadata" | "deviceInfo" | "mgmt.firmware";

/** What is known about the hardware and software of a device (docs/protocol.md 7.2). Members that are absent are not sent. */
export interface DeviceInfo {
  serialNumber?: string;
  manufacturer?: string;
  model?: string;
  deviceClass?: string;
  description?: string;
  fwVersion?: string;
  hwVersion?: string;
  descriptiveLocation?: string;
}

/** A position. The server replaces the last one as a whole: a member that is absent is deleted. */
export interface Location {
  /** Degrees (WGS84), -180..180. */
  longitude: number;
  /** Degrees (WGS84), -90..90. */
  latitude: number;
  /** Metres. */
  elevation?: number;
  /** Metres, not negative. */
  accuracy?: number;
  /** When it was measured, ISO 8601. Default: now, by the engine's clock. */
  measuredDateTime?: string;
  /** When it was sent, ISO 8601, if that differs. */
  updatedDateTime?: string;
}

export interface LogEntry {
  message: string;
  /** 0 information, 1 warning, 2 error. Default 0. */
  severity?: 0 | 1 | 2;
  /** ISO 8601. Default: now, by the engine's clock. */
  timestamp?: string;
  /** Any text or bytes; sent in base64. */
  data?: string | Uint8Array;
}

/**
 * The end of a request: without an error when the server answered 200..299. Codes of the error: `refused`, with the rc of the
 * server as `returnCode` (400 malformed or out of range, 403 an action that the device must not claim, 404 not registered,
 * 409 conflict, 500 internal); `timeout`: no answer came within `requestTimeout`; `not-connected`: disconnect() was called
 * before the answer, and the server may have done what was asked; or the error for which the client has stopped or dropped
 * the message.
 */
export type RequestCallback = (error: IotfError | undefined) => void;

/** A request of the server that the application answers. */
export interface ServerRequest {
  /** "reboot", "factory_reset", or the id of a custom action. */
  readonly action: string;
  /**
   * Answers it. The first answer counts; without one within `requestTimeout` the client answers 500.
   * @param rc 202 will be done (reboot, factory reset), 200 done (custom actions), 500 failed, or another code of 200..599
   * @param message at most 1,024 characters, for the operator
   * @param confirmed called when the server has acknowledged the answer: now the device may restart
   * @returns false when it was answered before or is no longer waiting
   * @throws ConfigurationException for another rc or message
   */
  answer(rc: number, message?: string, confirmed?: () => void): boolean;
}

export interface CustomAction extends ServerRequest {
  readonly bundle: string;
  /** By name, as the server sent them; most servers send strings. */
  readonly parameters: Readonly<Record<string, unknown>>;
}

/** Attribute `mgmt.firmware`: which image the server offers, and how far it is installed (docs/protocol.md 7.4). */
export interface Firmware {
  readonly version?: string;
  readonly name?: string;
  readonly uri?: string;
  /** What the image is checked with; its meaning is between server and installer. */
  readonly verifier?: string;
  readonly state: FirmwareState;
  readonly updateStatus: UpdateStatus;
}

/** 0 idle, 1 downloading, 2 downloaded. */
export type FirmwareState = 0 | 1 | 2;

/** 0 success, 1 in progress, 2 out of memory, 3 connection lost, 4 verification failed, 5 unsupported image, 6 invalid URI. */
export type UpdateStatus = 0 | 1 | 2 | 3 | 4 | 5 | 6;

export interface PreviousStart {
  /** 2: an image was downloaded and verified. */
  readonly state: 0 | 2;
  readonly updateStatus: UpdateStatus;
  /** Of the image. */
  readonly version?: string;
  /** An update ended with this `updateStatus`; the client tells the server after manage(). */
  readonly finished?: boolean;
}

/** Downloads an image and installs it. The package has one for ESP32; an application may bring its own. */
export interface FirmwareInstaller {
  /** What the previous start of the device left, read once by the constructor of the client. */
  readonly previousStart?: PreviousStart;
  /**
   * Downloads `firmware.uri` and checks it. Never called while a download or an update is under way. After a restart of
   * the device it is not called again by itself.
   * @throws an error: the client counts it as `done(6)`
   */
  download(firmware: Firmware, listener: InstallListener): void;
  /**
   * Installs what was downloaded. Success that needs a restart is not reported to the listener: after the restart it is in
   * `previousStart`. The statuses 3 and 6 count as 5 here.
   * @throws an error: the client counts it as `done(5)`
   */
  update(firmware: Firmware, listener: InstallListener): void;
  /** The server knows how the update of `previousStart` ended: it need not be told again. */
  told?(): void;
  /** The client has stopped, by disconnect() or a refusal: ends the download or update, which counts as `done(3)`. */
  cancel?(): void;
}

/** How a download or an update goes. Calls after `done` are ignored. */
export interface InstallListener {
  /** 0..100. The client sends it as `firmwareProgress` in the metadata while the server observes those. */
  progress(percent: number): void;
  /** 0: success. 2 out of memory, 3 connection lost, 4 verification failed, 5 unsupported image, 6 invalid URI. */
  done(updateStatus: 0 | 2 | 3 | 4 | 5 | 6, message?: string): void;
}
