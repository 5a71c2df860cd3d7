// Firmware update with two slots: downloads an image into the slot that does not run, verifies it, selects it, and goes
// back unless it connects in time. Knows no SDK: ports bring flash, sockets and cryptography.
//
// The board always starts an image that was verified. Only three steps change what starts: select() after the digest of
// what is in flash was checked; the rollback; the confirmation. Each of them leaves one of the two images selected when
// the power fails in its middle. During a trial no download is accepted: it would overwrite the firmware to go back to.

import { lowerCase } from "../../../src/device/characters.ts";
import type { Firmware, FirmwareInstaller, InstallListener, PreviousStart } from "../../../src/device/managed/types.ts";
import { ConfigurationException } from "../../../src/errors.ts";
import type { Ports, Store, Timer, TlsOptions } from "../../../src/ports.ts";
import type { Primitives, PublicKey } from "../tls/signature.ts";
import { type BootSectors, confirmSelected, deselect, NEW, PENDING, type Selected, selected, VALID } from "./boot.ts";
import { Download } from "./download.ts";
import {
  CONNECTION_LOST,
  hexOf,
  isVersion,
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
  private busy = false;
  private trial = false;

  /** @throws ConfigurationException naming the option */
  constructor(options: UpdateOptions, ports: UpdatePorts) {
    checkOptions(options);
    this.options = options;
    this.ports = ports;
    this.key = options.key === undefined ? undefined : readKey("key", options.key);
    this.record = new UpdateRecord(ports.record);
    this.timer = ports.network.clock.timer(() => this.due());
    this.previousStart = this.resume();
  }

  /** A new firmware that waits to be confirmed. */
  get onTrial(): boolean {
    return this.trial;
  }

  /**
   * This firmware has connected: it stays. Call it in connectedCallback, each time.
   * @returns false if that could not be written to flash: the next call tries again
   */
  confirm(): boolean {
    try {
      if (this.trial) {
        confirmSelected(this.ports.boot);
        this.trial = false;
        this.timer.clear();
      }
      // A verified image stays; all else has been told by now.
      if (!this.busy && this.record.progress && this.record.progress.phase !== "ready") this.record.clear();
    } catch (error) {
      this.ports.trace(`firmware: cannot confirm: ${(error as Error).message}`);
      return false;
    }
    return true;
  }

  download(firmware: Firmware, listener: InstallListener): void {
    this.checkIdle();
    const { attempts = 10, stallSeconds = 30, tls = {} } = this.options;
    const intake = new Intake(
      {
        begin: () => {
          this.record.save({ phase: "download" });
          this.ports.slot.begin();
        },
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
    new Download(firmware.uri ?? "", { attempts, stallMs: stallSeconds * 1000, tls }, this.ports.network, intake);
    this.busy = true;
  }

  update(_firmware: Firmware, listener: InstallListener): void {
    this.checkIdle();
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
    this.record.save({ phase: "trial", head, headBytes, before, started: false });
    this.ports.slot.select();
    this.ports.trace("firmware: restarts into the new firmware");
    this.after(RESTART_MS, () => this.ports.restart());
  }

  private policy(firmware: Firmware): Policy {
    const { type, version, allowUnsigned = false, allowOlder = false } = this.options;
    const verifier = lowerCase(firmware.verifier ?? "");
    return { type, version, key: this.key, allowUnsigned, allowOlder, verifier, space: this.ports.slot.size };
  }

  private checkIdle(): void {
    if (this.busy) throw new Error("another download or update is under way");
    if (this.trial) throw new Error("the running firmware is not confirmed yet");
  }

  private finish(listener: InstallListener, refusal: Refusal | undefined): void {
    this.busy = false;
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
      return new Refusal(UNSUPPORTED_IMAGE, `cannot keep the state of the update: ${(error as Error).message}`);
    }
  }

  /** What the last start has left, and what follows from that now. */
  private resume(): PreviousStart {
    const { progress } = this.record;
    switch (progress?.phase) {
      case "download":
        return { state: 0, updateStatus: CONNECTION_LOST, finished: true };
      case "ready":
        return { state: 2, updateStatus: 0, version: progress.version };
      case "failed":
        return { state: 0, updateStatus: progress.status, finished: true };
      case "trial":
        return this.resumeTrial(progress);
    }
    // The record of a trial was lost, but the bootloader waits for the confirmation.
    const state = selected(this.ports.boot)?.state;
    if (state === NEW || state === PENDING) this.beginTrial();
    return { state: 0, updateStatus: 0 };
  }

  private resumeTrial(trial: Trial): PreviousStart {
    const running = new Uint8Array(trial.headBytes);
    this.ports.readRunning(running);
    const now = selected(this.ports.boot);
    if (this.digestOf(running) !== trial.head) return this.rolledBack(trial, now);
    const success: PreviousStart = {
      state: 0,
      updateStatus: 0,
      version: this.options.version,
      finished: true,
    };
    // Confirmed, and the power failed before the record was cleared.
    if (now?.state === VALID && now.number !== trial.before) return success;
    if (trial.started) this.goBack("it was started before, and did not connect");
    else {
      this.kept(() => this.record.save({ ...trial, started: true }));
      this.beginTrial();
    }
    return success;
  }

  private rolledBack(trial: Trial, now: Selected | undefined): PreviousStart {
    const status = UNSUPPORTED_IMAGE;
    this.ports.trace("firmware: the new firmware did not start or did not connect, this is the one before");
    this.kept(() => {
      // The bootloader found no image there and took this one, but tries the other slot first each time.
      if (now && now.number !== trial.before) deselect(this.ports.boot);
      this.record.save({ phase: "failed", status });
    });
    return { state: 0, updateStatus: status, finished: true };
  }

  private beginTrial(): void {
    const { confirmMinutes = 5 } = this.options;
    this.trial = true;
    this.ports.trace(`firmware: new; goes back unless it connects within ${confirmMinutes} min`);
    this.after(confirmMinutes * MINUTE_MS, () => this.goBack(`no connection within ${confirmMinutes} min`));
  }

  private goBack(reason: string): void {
    try {
      deselect(this.ports.boot);
    } catch (error) {
      this.ports.trace(`firmware: cannot go back: ${(error as Error).message}`);
      return;
    }
    this.ports.trace(`firmware: goes back to the one before: ${reason}`);
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

function checkOptions(options: UpdateOptions): void {
  const { type, version, confirmMinutes = 5, attempts = 10, stallSeconds = 30 } = options;
  if (typeof type !== "string" || !type) throw new ConfigurationException("type must be the device type");
  if (typeof version !== "string" || !isVersion(version)) {
    throw new ConfigurationException(`version must be 1 to 4 numbers with dots, like 1.3.0, not ${version}`);
  }
  checkNumber("confirmMinutes", confirmMinutes, 1, 60);
  checkNumber("attempts", attempts, 1, 100);
  checkNumber("stallSeconds", stallSeconds, 5, 600);
}

function checkNumber(option: string, value: number, least: number, most: number): void {
  if (!(value >= least && value <= most)) {
    throw new ConfigurationException(`${option} must be a number ${least}..${most}, not ${value}`);
  }
}
