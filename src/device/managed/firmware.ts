// Firmware actions: which step follows which, as a table (docs/protocol.md 7.4), and what the server is told of it.

import type { Connection } from "../../mqtt/connection.ts";
import { lowerCase } from "../characters.ts";
import type { Attributes } from "./attributes.ts";
import type { DeviceRequests } from "./device-requests.ts";
import type { RequestId, ServerRequests } from "./server-requests.ts";
import { NOTIFY } from "./topics.ts";
import type { Firmware, FirmwareInstaller, FirmwareState, InstallListener, UpdateStatus } from "./types.ts";

const ATTRIBUTE = "mgmt.firmware";

// Steps.

const IDLE = 0;
const DOWNLOADING = 1;
const DOWNLOADED = 2;
const UPDATING = 3;

type Step = 0 | 1 | 2 | 3;

// Requests of the server.

export const DOWNLOAD = 10;
export const UPDATE = 11;

export type FirmwareRequest = 10 | 11;

// Refusals, answered with 400. The first two are the texts of the Python client.

const NOT_IDLE = "Cannot download as the device is not in idle state";
const NOT_DOWNLOADED = "Firmware is still not successfully downloaded.";
const IN_PROGRESS = "an update is in progress";
const NO_URI = "mgmt.firmware.uri is missing, or is not http:// or https://";

/** One row per step, one column per request: the next step, or why the request is refused. */
const REQUESTED: readonly (readonly (Step | string)[])[] = Object.freeze([
  // Columns: DOWNLOAD, UPDATE.
  /* IDLE        */ row([DOWNLOADING, NOT_DOWNLOADED]),
  /* DOWNLOADING */ row([NOT_IDLE, NOT_DOWNLOADED]),
  /* DOWNLOADED  */ row([NOT_IDLE, UPDATING]),
  /* UPDATING    */ row([NOT_IDLE, IN_PROGRESS]),
]);

/** The `state` that the server sees of each step. */
const STATES: readonly FirmwareState[] = Object.freeze([0, 1, 2, 2]);

/** The meaning of each `updateStatus`. */
const STATUS: readonly string[] = Object.freeze([
  "success",
  "in progress",
  "out of memory",
  "connection lost",
  "verification failed",
  "unsupported image",
  "invalid URI",
]);

function row(cells: (Step | string)[]): readonly (Step | string)[] {
  return Object.freeze(cells);
}

export class FirmwareActions {
  private readonly connection: Connection;
  private readonly attributes: Attributes;
  private readonly deviceRequests: DeviceRequests;
  private readonly serverRequests: ServerRequests;
  private readonly installer: FirmwareInstaller | undefined;
  private step: Step = IDLE;
  // The image that is downloaded or installed. The server may offer another one meanwhile.
  private image: Firmware | undefined;
  // Only the listener of the download or update under way is heard.
  private listener: InstallListener | undefined;
  // An update that began before the restart has ended, and the server does not know.
  private endUntold: boolean;

  constructor(
    connection: Connection,
    attributes: Attributes,
    deviceRequests: DeviceRequests,
    serverRequests: ServerRequests,
    installer: FirmwareInstaller | undefined,
  ) {
    this.connection = connection;
    this.attributes = attributes;
    this.deviceRequests = deviceRequests;
    this.serverRequests = serverRequests;
    this.installer = installer;
    const previous = installer?.previousStart;
    this.endUntold = previous?.finished === true;
    if (!previous) return;
    if (previous.state === 2) this.step = DOWNLOADED;
    const { state, updateStatus, version } = previous;
    attributes.setFirmware({ state, updateStatus, version });
    this.image = Object.assign({}, attributes.firmware);
  }

  /** The server has accepted manage. */
  onManaged(): void {
    if (!this.endUntold) return;
    // Not through the attributes: the observation may have ended, and this must not be lost.
    const { state, updateStatus } = this.attributes.firmware;
    const fields = [{ field: ATTRIBUTE, value: { state, updateStatus } }];
    this.deviceRequests.send(NOTIFY, { fields }, error => {
      this.endUntold = error !== undefined; // then the next manage tries again
      if (error) this.connection.callbacks.error(error);
      else this.installer?.told?.();
    });
  }

  /** The work begins when the server has the answer: an update may restart the device. */
  request(request: FirmwareRequest, reqId: RequestId): void {
    const { installer } = this;
    if (!installer) return this.serverRequests.respond(reqId, { rc: 501, message: "no firmware actions" });
    const before = this.step;
    let next = REQUESTED[before]![request - DOWNLOAD]!;
    if (next === DOWNLOADING && !this.hasUri) next = NO_URI;
    if (typeof next === "string") return this.serverRequests.respond(reqId, { rc: 400, message: next });
    this.step = next;
    this.serverRequests.respond(reqId, { rc: 202 }, error => {
      if (error) this.step = before;
      else this.start(installer, request);
    });
  }

  /** The client has stopped. */
  stopped(): void {
    if (!this.listener || !this.installer?.cancel) return;
    this.installer.cancel();
    this.end(3);
  }

  private get hasUri(): boolean {
    const scheme = lowerCase((this.attributes.firmware.uri ?? "").slice(0, 8));
    return scheme.indexOf("http://") === 0 || scheme === "https://";
  }

  private start(installer: FirmwareInstaller, request: FirmwareRequest): void {
    const listener: InstallListener = {
      progress: percent => {
        if (this.listener === listener) this.progressed(percent);
      },
      done: (updateStatus, message) => {
        if (this.listener !== listener) return;
        this.end(updateStatus);
        if (!updateStatus) return;
        const text = `firmware: ${STATUS[updateStatus]}${message ? `: ${message}` : ""}`;
        this.connection.callbacks.error(new Error(text));
      },
    };
    this.listener = listener;
    if (request === DOWNLOAD) {
      this.attributes.setFirmware({ state: 1, updateStatus: 0 });
      this.image = Object.assign({}, this.attributes.firmware);
    } else this.attributes.setFirmware({ updateStatus: 1 });
    this.attributes.flush();
    try {
      if (request === DOWNLOAD) installer.download(this.image!, listener);
      else installer.update(this.image!, listener);
    } catch (error) {
      if (this.listener === listener) this.end(request === DOWNLOAD ? 6 : 5);
      throw error; // for errorCallback
    }
  }

  private progressed(percent: number): void {
    this.attributes.setProgress(Math.min(Math.max(Math.floor(percent) || 0, 0), 100));
    this.attributes.flush();
  }

  // A failed update begins again with a download: nobody knows what is in the flash.
  private end(reported: UpdateStatus): void {
    // A connection and a URI have no part in an update (docs/protocol.md 7.4).
    const updateStatus = this.step === UPDATING && (reported === 3 || reported === 6) ? 5 : reported;
    const updated = this.step === UPDATING && !updateStatus;
    this.step = this.step === DOWNLOADING && !updateStatus ? DOWNLOADED : IDLE;
    this.listener = undefined;
    const { attributes } = this;
    const version = this.image?.version;
    if (updated && version) {
      attributes.replace("deviceInfo", Object.assign(attributes.valueOf("deviceInfo"), { fwVersion: version }));
    }
    attributes.setFirmware({ state: STATES[this.step]!, updateStatus });
    attributes.setProgress(undefined);
    attributes.flush();
  }
}
