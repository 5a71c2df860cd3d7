// Firmware actions: which step follows which, as a table (docs/protocol.md 7.4), and what the server is told of it.

import type { Connection } from "../../mqtt/connection.ts";
import type { Attributes } from "./attributes.ts";
import type { RequestId, ServerRequests } from "./server-requests.ts";
import type { FirmwareInstaller, FirmwareState, InstallListener, UpdateStatus } from "./types.ts";

const ATTRIBUTE = "mgmt.firmware";
/** Member of the metadata, percent; `mgmt.firmware` has none for it. */
const PROGRESS = "firmwareProgress";

// Steps.

export const IDLE = 0;
export const DOWNLOADING = 1;
export const DOWNLOADED = 2;
export const UPDATING = 3;

// Events: requests of the server, then reports of the installer.

export const DOWNLOAD = 10;
export const UPDATE = 11;
export const SUCCEEDED = 12;
export const FAILED = 13;

export type Step = 0 | 1 | 2 | 3;
export type FirmwareEvent = 10 | 11 | 12 | 13;

// Refusals of a request, answered with 400. The first two are the texts of the Python client.
const NOT_IDLE = "Cannot download as the device is not in idle state";
const NOT_DOWNLOADED = "Firmware is still not successfully downloaded.";
const IN_PROGRESS = "an update is in progress";
const NO_URI = "mgmt.firmware.uri is missing, or is not http:// or https://";

/** One row per step, one column per event; a text refuses the request. The installer reports only while it works. */
const NEXT: readonly (readonly (Step | string)[])[] = Object.freeze([
  // Columns: DOWNLOAD, UPDATE, SUCCEEDED, FAILED.
  /* IDLE        */ row([DOWNLOADING, NOT_DOWNLOADED, IDLE, IDLE]),
  /* DOWNLOADING */ row([NOT_IDLE, NOT_DOWNLOADED, DOWNLOADED, IDLE]),
  /* DOWNLOADED  */ row([NOT_IDLE, UPDATING, DOWNLOADED, DOWNLOADED]),
  // A failed update begins again with a download: what is in the flash is not known any more.
  /* UPDATING    */ row([NOT_IDLE, IN_PROGRESS, IDLE, IDLE]),
]);

function row(cells: (Step | string)[]): readonly (Step | string)[] {
  return Object.freeze(cells);
}

/** The `state` that the server sees. While the device updates it is that of the download. */
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

export function nextStep(step: Step, event: FirmwareEvent): Step | string {
  return NEXT[step]![event - DOWNLOAD]!;
}

export class FirmwareActions {
  private readonly connection: Connection;
  private readonly attributes: Attributes;
  private readonly serverRequests: ServerRequests;
  private readonly installer: FirmwareInstaller | undefined;
  private step: Step = IDLE;
  // Only the listener of the download or update under way is heard.
  private listener: InstallListener | undefined;
  private finished: boolean;

  constructor(
    connection: Connection,
    attributes: Attributes,
    serverRequests: ServerRequests,
    installer: FirmwareInstaller | undefined,
  ) {
    this.connection = connection;
    this.attributes = attributes;
    this.serverRequests = serverRequests;
    this.installer = installer;
    const left = installer?.left;
    this.finished = left?.finished === true;
    if (!left) return;
    if (left.state === 2) this.step = DOWNLOADED;
    attributes.assign(ATTRIBUTE, { state: left.state, updateStatus: left.updateStatus });
  }

  /** The server accepted manage(): it is told how an update ended that began before the restart. */
  managed(): void {
    if (!this.finished) return;
    this.finished = false;
    const { state, updateStatus } = this.attributes.firmware;
    this.attributes.tell(ATTRIBUTE, { state, updateStatus });
  }

  /** A request of the server. The work begins when the server has the answer: an update may restart the device. */
  request(event: 10 | 11, reqId: RequestId): void {
    const { installer } = this;
    if (!installer) return this.serverRequests.respond(reqId, { rc: 501, message: "no firmware actions" });
    const before = this.step;
    const next = event === DOWNLOAD && before === IDLE && !this.hasUri ? NO_URI : nextStep(before, event);
    if (typeof next === "string") return this.serverRequests.respond(reqId, { rc: 400, message: next });
    this.step = next;
    this.serverRequests.respond(reqId, { rc: 202 }, error => {
      if (error) this.step = before;
      else this.start(installer, event);
    });
  }

  private get hasUri(): boolean {
    const { uri = "" } = this.attributes.firmware;
    return uri.indexOf("http://") === 0 || uri.indexOf("https://") === 0;
  }

  private start(installer: FirmwareInstaller, event: 10 | 11): void {
    const listener: InstallListener = {
      progress: percent => {
        if (this.listener === listener) this.attributes.assign("metadata", { [PROGRESS]: percent });
      },
      done: (updateStatus, message) => {
        if (this.listener === listener) this.ended(updateStatus, message);
      },
    };
    this.listener = listener;
    this.attributes.assign(ATTRIBUTE, event === DOWNLOAD ? { state: 1, updateStatus: 0 } : { updateStatus: 1 });
    const firmware = Object.assign({}, this.attributes.firmware);
    try {
      if (event === DOWNLOAD) installer.download(firmware, listener);
      else installer.update(firmware, listener);
    } catch (error) {
      listener.done(event === DOWNLOAD ? 6 : 5);
      throw error; // for errorCallback
    }
  }

  private ended(updateStatus: UpdateStatus, message: string | undefined): void {
    const updated = this.step === UPDATING && !updateStatus;
    this.listener = undefined;
    this.step = nextStep(this.step, updateStatus ? FAILED : SUCCEEDED) as Step;
    const { version } = this.attributes.firmware;
    if (updated && version) {
      this.attributes.replace("deviceInfo", Object.assign({}, this.attributes.deviceInfo, { fwVersion: version }));
    }
    this.attributes.assign(ATTRIBUTE, { state: STATES[this.step]!, updateStatus });
    if (updateStatus) {
      this.connection.callbacks.error(new Error(`firmware: ${STATUS[updateStatus]}${message ? `: ${message}` : ""}`));
    }
  }
}
