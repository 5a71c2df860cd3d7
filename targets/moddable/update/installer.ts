// Firmware update with two slots: downloads an image into the slot that does not run, verifies it, selects it, and goes
// back unless it connects in time. Knows no SDK: ports bring flash, sockets and cryptography.
//
// The board always starts an image that was verified, except the one that was flashed by USB. Only three steps change
// what starts: select() after the digest of what is in flash was checked; the rollback; the confirmation. Each of them
// leaves one of the two images selected when the power fails in its middle. During a trial no download is accepted: it would overwrite the firmware to go back to.

import { lowerCase } from "../../../src/device/characters.ts";
import type { Firmware, FirmwareInstaller, InstallListener, PreviousStart } from "../../../src/device/managed/types.ts";
import { ConfigurationException } from "../../../src/errors.ts";
import type { Ports, Store, Timer, TlsOptions } from "../../../src/ports.ts";
import type { Primitives, PublicKey } from "../tls/signature.ts";
import {
  type BootSectors,
  type Confirmation,
  confirmation,
  confirmSelected,
  deselect,
  NEW,
  PENDING,
  type Selected,
  selected,
  VALID,
} from "./boot.ts";
import { Download } from "./download.ts";
import {
  type Acceptance,
  CONNECTION_LOST,
  checkManifest,
  hexOf,
  isVersion,
  type Manifest,
  OUT_OF_MEMORY,
  type Policy,
  Refusal,
  readHeader,
  readKey,
  UNSUPPORTED_IMAGE,
  VERIFICATION_FAILED,
} from "./image.ts";
import { CHUNK_BYTES, Intake, type Sha256 } from "./intake.ts";
import { type Trial, UpdateRecord } from "./record.ts";

export interface UpdateOptions {
  /** Device type that the image must be for. */
  type: string;
  /** Device id. An image for another device is refused; without this option, each image that is for one device. */
  id?: string;
  /** Version of the running firmware: 1 to 4 numbers with dots, for example "1.3.0". */
  version: string;
  /** Public key that signs firmware: PEM, or DER (SubjectPublicKeyInfo). EC on P-256 or P-384, or RSA of 2048 to 4096 bits. */
  key?: string | Uint8Array;
  /** Accepts files without a signature: for tests only. Default false. */
  allowUnsigned?: boolean;
  /** Accepts the running version again, and older ones. Default false. */
  allowOlder?: boolean;
  /** Minutes, 1..60, within which a new firmware has to be confirmed. Default 5. */
  confirmMinutes?: number;
  /** Attempts without progress, the first one included, after which a download counts as lost, 1..100. Default 10. */
  attempts?: number;
  /** Seconds, 5..600, within which 4 KiB have to arrive. Default 30. */
  stallSeconds?: number;
  /** TLS of https:// URIs, as for the connection to the server. */
  tls?: TlsOptions;
}

/** The slot that does not run. */
export interface Slot {
  /** Bytes that it holds. */
  readonly size: number;
  /** Makes ready to write it from its start. */
  begin(): void;
  /** The next bytes: CHUNK_BYTES, or fewer at the end. */
  write(bytes: Uint8Array): void;
  /** Fills `into` from what is in flash. */
  read(at: number, into: Uint8Array): void;
  /** Starts it next. @throws Error unless it holds an image for this chip */
  select(): void;
}

export interface UpdatePorts {
  network: Ports;
  slot: Slot;
  /** Fills `into` from the start of the slot that runs. */
  readRunning(into: Uint8Array): void;
  boot: BootSectors;
  record: Store;
  primitives: Primitives;
  sha256(): Sha256;
  restart(): void;
  /** One line for people. */
  trace(text: string): void;
}

const MINUTE_MS = 60_000;
/** Until the restart: what the client has sent has to leave. */
const RESTART_MS = 1000;
/** Between two attempts to write the confirmation. */
const CONFIRM_RETRY_MS = 10_000;
/** Sectors that are verified without a pause for the event loop. */
const SECTORS_AT_ONCE = 8;

export class UpdateInstaller implements FirmwareInstaller {
  readonly previousStart: PreviousStart;
  private readonly options: UpdateOptions;
  private readonly ports: UpdatePorts;
  private readonly key: PublicKey | undefined;
  private readonly record: UpdateRecord;
  private readonly timer: Timer;
  private due: () => void = () => {};
  private readonly retry: Timer;
  private busy = false;
  private fetching: Download | undefined;
  /** The new slot is selected: nothing stops the restart. */
  private restarting = false;
  private trial = false;
  /** Of the running firmware, since the first attempt to write it. */
  private confirmation: Confirmation | undefined;
  /** told() was called during the trial. The record is needed until the confirmation is written. */
  private toldOnTrial = false;

  /** @throws ConfigurationException naming the option */
  constructor(options: UpdateOptions, ports: UpdatePorts) {
    checkOptions(options);
    this.options = options;
    this.ports = ports;
    this.key = options.key === undefined ? undefined : readKey("key", options.key);
    this.record = new UpdateRecord(ports.record);
    const { clock } = ports.network;
    this.timer = clock.timer(() => this.due());
    this.retry = clock.timer(() => this.confirm());
    this.previousStart = this.resume();
  }

  /** A new firmware that waits to be confirmed. */
  get onTrial(): boolean {
    return this.trial;
  }

  /**
   * This firmware has connected: it stays. Call it in connectedCallback, each time.
   * @returns false if that could not be written to flash: the installer tries again every 10 s
   */
  confirm(): boolean {
    if (!this.trial) return true;
    const { boot } = this.ports;
    try {
      this.confirmation ??= confirmation(boot);
      confirmSelected(boot, this.confirmation);
    } catch (error) {
      this.ports.trace(`firmware: cannot confirm, next try in 10 s: ${(error as Error).message}`);
      this.retry.set(CONFIRM_RETRY_MS);
      return false;
    }
    this.endTrial();
    if (this.toldOnTrial) this.told();
    return true;
  }

  /** The server has acknowledged how an update ended: it need not be told again. */
  told(): void {
    this.toldOnTrial = this.trial;
    const { progress } = this.record;
    // A verified image stays, and so does the record of a download under way.
    if (this.trial || this.busy || !progress || progress.phase === "ready") return;
    const refusal = this.kept(() => this.record.clear());
    if (refusal) this.ports.trace(`firmware: ${refusal.message}`);
  }

  download(firmware: Firmware, listener: InstallListener): void {
    if (!this.isIdle(listener)) return;
    const { attempts = 10, stallSeconds = 30, tls = {} } = this.options;
    const intake = new Intake(
      {
        begin: () => this.ports.slot.begin(),
        write: chunk => this.ports.slot.write(chunk),
        sha256: () => this.ports.sha256(),
        check: header => readHeader(header, this.policy(firmware), this.ports.primitives),
      },
      percent => listener.progress(percent),
      refusal => {
        const { manifest } = intake;
        const keep = () => manifest && this.record.save({ phase: "ready", ...manifest });
        this.finish(listener, refusal ?? this.kept(keep));
      },
    );
    const limits = { attempts, stallMs: stallSeconds * 1000, tls };
    this.fetching = new Download(firmware.uri ?? "", limits, this.ports.network, intake);
    this.busy = true;
    // At once: a restart before the first byte ends the download too, and the server has to be told.
    const refusal = this.kept(() => this.record.save({ phase: "download" }));
    if (!refusal) return;
    this.fetching.cancel();
    this.finish(listener, refusal);
  }

  /** The client has stopped: ends what is under way. After the new slot is selected, the restart follows nevertheless. */
  cancel(): void {
    if (!this.busy || this.restarting) return;
    this.fetching?.cancel();
    this.idle();
    this.kept(() => this.record.clear());
  }

  update(_firmware: Firmware, listener: InstallListener): void {
    if (!this.isIdle(listener)) return;
    const image = this.record.progress;
    if (image?.phase !== "ready") throw new Error("no firmware was downloaded");
    this.busy = true;
    const { slot } = this.ports;
    const digest = this.ports.sha256();
    const buffer = new Uint8Array(CHUNK_BYTES);
    let head = "";
    let at = 0;
    const read = () => {
      for (let count = 0; count < SECTORS_AT_ONCE && at < image.size; count++) {
        const part = buffer.subarray(0, Math.min(CHUNK_BYTES, image.size - at));
        slot.read(at, part);
        if (at === 0) head = this.digestOf(part);
        digest.write(part);
        at += part.length;
      }
      listener.progress(Math.floor((100 * at) / image.size));
      if (!this.busy) return; // cancelled by what hears of the progress
      if (at < image.size) return this.after(0, step);
      if (hexOf(digest.close()) !== image.sha256) {
        throw new Refusal(VERIFICATION_FAILED, "what is in flash is not the image that was downloaded");
      }
      this.select(head, Math.min(CHUNK_BYTES, image.size));
    };
    const step = () => {
      try {
        read();
      } catch (error) {
        const { message } = error as Error;
        this.finish(listener, error instanceof Refusal ? error : new Refusal(UNSUPPORTED_IMAGE, message));
      }
    };
    this.after(0, step);
  }

  private select(head: string, headBytes: number): void {
    const before = selected(this.ports.boot)?.number ?? 0;
    const refusal = this.kept(() => this.record.save({ phase: "trial", head, headBytes, before, started: false }));
    if (refusal) throw refusal;
    this.ports.slot.select();
    this.restarting = true;
    this.ports.trace("firmware: restarts into the new firmware");
    this.after(RESTART_MS, () => this.ports.restart());
  }

  private policy(firmware: Firmware): Policy {
    const { allowUnsigned = false } = this.options;
    const verifier = lowerCase(firmware.verifier ?? "");
    return { ...this.acceptance, key: this.key, allowUnsigned, verifier, space: this.ports.slot.size };
  }

  private get acceptance(): Acceptance {
    const { type, id, version, allowOlder = false } = this.options;
    return { type, id, version, allowOlder };
  }

  /** @throws Error during a download or update, which the client never does */
  private isIdle(listener: InstallListener): boolean {
    if (this.busy) throw new Error("another download or update is under way");
    if (this.trial) listener.done(UNSUPPORTED_IMAGE, "the running firmware is not confirmed yet");
    return !this.trial;
  }

  private idle(): void {
    this.busy = false;
    this.fetching = undefined;
    this.timer.clear();
    this.due = () => {}; // the last one holds a sector and a digest
  }

  private finish(listener: InstallListener, refusal: Refusal | undefined): void {
    this.idle();
    if (!refusal) return listener.done(0);
    this.ports.trace(`firmware: ${refusal.message}`);
    this.kept(() => this.record.clear());
    listener.done(refusal.status, refusal.message);
  }

  /** Runs what writes the record. */
  private kept(write: () => void): Refusal | undefined {
    try {
      write();
      return undefined;
    } catch (error) {
      return new Refusal(OUT_OF_MEMORY, `cannot keep the state of the update: ${(error as Error).message}`);
    }
  }

  /** What the last start has left, and what follows from that now. */
  private resume(): PreviousStart {
    const { progress } = this.record;
    switch (progress?.phase) {
      case "download":
        return { state: 0, updateStatus: CONNECTION_LOST, finished: true };
      case "ready":
        return this.resumeReady(progress);
      case "failed":
        return { state: 0, updateStatus: progress.status, finished: true };
      case "trial":
        // First: whatever fails next, a firmware that does not connect goes back.
        this.beginTrial();
        return this.resumeTrial(progress);
    }
    // The record of a trial was lost, but the bootloader waits for the confirmation.
    const state = selected(this.ports.boot)?.state;
    if (state === NEW || state === PENDING) {
      this.beginTrial();
      this.traceTrial();
    }
    return { state: 0, updateStatus: 0 };
  }

  /** Another firmware may run since, from USB: what was newer then may be older now. */
  private resumeReady(image: Manifest): PreviousStart {
    try {
      checkManifest(image, this.acceptance);
    } catch (error) {
      this.ports.trace(`firmware: what was downloaded is dropped: ${(error as Error).message}`);
      this.kept(() => this.record.clear());
      return { state: 0, updateStatus: 0 };
    }
    return { state: 2, updateStatus: 0, version: image.version };
  }

  private resumeTrial(trial: Trial): PreviousStart {
    const success: PreviousStart = {
      state: 0,
      updateStatus: 0,
      version: this.options.version,
      finished: true,
    };
    let now: Selected | undefined;
    try {
      now = selected(this.ports.boot);
    } catch (error) {
      this.ports.trace(`firmware: cannot read which slot is selected: ${(error as Error).message}`);
      this.traceTrial();
      return success;
    }
    if (!this.isNew(trial, now)) return this.rolledBack(trial, now);
    // Confirmed, and the server was not told yet.
    if (now?.state === VALID && now.number !== trial.before) this.endTrial();
    else if (trial.started) this.goBack("it was started before, and did not connect");
    else {
      this.traceTrial();
      this.kept(() => this.record.save({ ...trial, started: true }));
    }
    return success;
  }

  /** Whether the new firmware runs. */
  private isNew(trial: Trial, now: Selected | undefined): boolean {
    const running = new Uint8Array(trial.headBytes);
    try {
      this.ports.readRunning(running);
    } catch (error) {
      this.ports.trace(`firmware: cannot read the running firmware: ${(error as Error).message}`);
      // The selection grows with each update, and a rollback removes it.
      return (now?.number ?? 0) > trial.before;
    }
    return this.digestOf(running) === trial.head;
  }

  private rolledBack(trial: Trial, now: Selected | undefined): PreviousStart {
    this.endTrial();
    const status = UNSUPPORTED_IMAGE;
    this.ports.trace("firmware: the new firmware did not start or did not connect, this is the one before");
    try {
      // The bootloader found no image there and took this one, but tries the other slot first each time.
      if (now && now.number !== trial.before) deselect(this.ports.boot);
    } catch (error) {
      this.ports.trace(`firmware: cannot deselect the other slot: ${(error as Error).message}`);
    }
    this.kept(() => this.record.save({ phase: "failed", status }));
    return { state: 0, updateStatus: status, finished: true };
  }

  private beginTrial(): void {
    const { confirmMinutes = 5 } = this.options;
    this.trial = true;
    this.after(confirmMinutes * MINUTE_MS, () => this.goBack(`no connection within ${confirmMinutes} min`));
  }

  private traceTrial(): void {
    const { confirmMinutes = 5 } = this.options;
    this.ports.trace(`firmware: new; goes back unless it connects within ${confirmMinutes} min`);
  }

  private endTrial(): void {
    this.trial = false;
    this.timer.clear();
    this.retry.clear();
  }

  private goBack(reason: string): void {
    const { boot } = this.ports;
    try {
      // A confirmation that failed between erasure and write has selected the other slot already.
      const erased = this.confirmation && selected(boot)?.number !== this.confirmation.number;
      if (!erased) deselect(boot);
    } catch (error) {
      this.ports.trace(`firmware: cannot go back: ${(error as Error).message}`);
      return;
    }
    this.ports.trace(`firmware: goes back to the one before: ${reason}`);
    this.timer.clear();
    this.retry.clear();
    this.ports.restart();
  }

  private digestOf(bytes: Uint8Array): string {
    const digest = this.ports.sha256();
    digest.write(bytes);
    return hexOf(digest.close());
  }

  private after(ms: number, run: () => void): void {
    this.due = run;
    this.timer.set(ms);
  }
}

const OPTIONS: readonly string[] = Object.freeze([
  "type",
  "id",
  "version",
  "key",
  "allowUnsigned",
  "allowOlder",
  "confirmMinutes",
  "attempts",
  "stallSeconds",
  "tls",
]);

function checkOptions(options: UpdateOptions): void {
  for (const name in options) {
    if (OPTIONS.indexOf(name) < 0) throw new ConfigurationException(`Unknown option: ${name}`);
  }
  const { type, id, version, confirmMinutes = 5, attempts = 10, stallSeconds = 30 } = options;
  checkFlag("allowUnsigned", options.allowUnsigned);
  checkFlag("allowOlder", options.allowOlder);
  if (typeof type !== "string" || !type) throw new ConfigurationException("type must be the device type");
  if (id !== undefined && (typeof id !== "string" || !id)) throw new ConfigurationException("id must be the device id");
  if (typeof version !== "string" || !isVersion(version)) {
    throw new ConfigurationException(`version must be 1 to 4 numbers with dots, like 1.3.0, not ${version}`);
  }
  checkNumber("confirmMinutes", confirmMinutes, 1, 60);
  checkNumber("attempts", attempts, 1, 100);
  checkNumber("stallSeconds", stallSeconds, 5, 600);
}

function checkFlag(option: string, value: unknown): void {
  if (value !== undefined && typeof value !== "boolean") {
    throw new ConfigurationException(`${option} must be true or false, not ${value}`);
  }
}

function checkNumber(option: string, value: number, least: number, most: number): void {
  if (typeof value !== "number" || !(value >= least && value <= most)) {
    throw new ConfigurationException(`${option} must be a number ${least}..${most}, not ${value}`);
  }
}
