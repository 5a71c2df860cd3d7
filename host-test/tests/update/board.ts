// A device with the installer on the hardware of hardware.ts: downloads from the server of server.ts, restarts, loses its
// power. Runs on Node and in XS.

import type { Firmware, UpdateStatus } from "../../../src/device/managed/types.ts";
import type { Primitives } from "../../../targets/moddable/tls/signature.ts";
import { UpdateInstaller, type UpdateOptions } from "../../../targets/moddable/update/installer.ts";
import type { Sha256 } from "../../../targets/moddable/update/intake.ts";
import { FakeClock } from "../../harness/testing/clock.ts";
import { FakeNetwork } from "../../harness/testing/transport.ts";
import { Hardware, IMAGE_MAGIC, PowerFailure } from "./hardware.ts";
import type { FileServer } from "./server.ts";

/** What an engine brings. */
export interface Engine {
  primitives: Primitives;
  sha256(): Sha256;
}

/** An image, and what its firmware knows of itself. */
export interface Build {
  version: string;
  image: Uint8Array;
}

export const URI = "http://192.0.2.7:8080/firmware";
/** Timers that fire before something is taken for endless. */
const MOST_TIMERS = 10_000;

/** Bytes that JSON writes as they are; the first one is an image's, the second one says that it is one for this chip. */
export function imageOf(version: string, size: number): Uint8Array {
  const image = new Uint8Array(size);
  for (let i = 0, value = version.length; i < size; i++) {
    value = (value * 31 + version.charCodeAt(i % version.length) + i) % 9973;
    image[i] = 0x41 + (value % 26);
  }
  image[0] = IMAGE_MAGIC;
  image[1] = 1;
  return image;
}

export class TestBoard {
  readonly hardware: Hardware;
  readonly server: FileServer;
  /** What may run. */
  readonly builds: Build[];
  clock = new FakeClock();
  network = new FakeNetwork(this.clock);
  installer!: UpdateInstaller;
  restarts = false;
  lines: string[] = [];
  /** Of the last download or update: "progress 50", "done 0 …". */
  heard: string[] = [];
  status: number | undefined;
  private served = 0;
  private readonly engine: Engine;
  private readonly options: Partial<UpdateOptions>;

  constructor(engine: Engine, options: Partial<UpdateOptions>, builds: Build[], server: FileServer, rollback = true) {
    this.engine = engine;
    this.options = options;
    this.builds = builds;
    this.server = server;
    this.hardware = new Hardware(rollback);
  }

  /** Version of what runs; "garbage" if it was never verified. */
  get version(): string {
    const slot = this.hardware.slots[this.hardware.running]!;
    const build = this.builds.find(({ image }) => image.every((byte, at) => byte === slot[at]));
    return build?.version ?? "garbage";
  }

  /** Switches it on. What ran before is gone. Returns false if the power fails meanwhile. */
  start(): boolean {
    this.clock = new FakeClock();
    this.network = new FakeNetwork(this.clock);
    this.served = 0;
    this.restarts = false;
    return this.powered(() => {
      this.hardware.boot();
      const { hardware, version } = this;
      if (version === "garbage") throw new Error("the board started what was never verified");
      this.installer = new UpdateInstaller(
        { type: "thermo", ...this.options, version },
        {
          network: this.network,
          slot: hardware.slot(),
          readRunning: into => {
            if (hardware.unreadable) throw new Error("read failed");
            into.set(hardware.slots[hardware.running]!.subarray(0, into.length));
          },
          boot: hardware.sectors(),
          record: hardware.store(),
          ...this.engine,
          restart: () => {
            this.restarts = true;
            hardware.off();
          },
          trace: line => this.lines.push(line),
        },
      );
    });
  }

  /** Runs `run`; false if the power failed. */
  powered(run: () => void): boolean {
    try {
      run();
    } catch (error) {
      if (!(error instanceof PowerFailure)) throw error;
    }
    return this.hardware.powered;
  }

  private get listener() {
    this.heard = [];
    this.status = undefined;
    return {
      progress: (percent: number) => void this.heard.push(`progress ${percent}`),
      done: (status: UpdateStatus, message = "") => {
        this.heard.push(`done ${status}`, message);
        this.status = status;
      },
    };
  }

  /** Until it is done, or the power has failed. */
  download(firmware: Partial<Firmware> = {}): boolean {
    const whole: Firmware = { uri: URI, state: 0, updateStatus: 0, ...firmware };
    return this.powered(() => {
      this.installer.download(whole, this.listener);
      this.settle(() => this.status !== undefined);
    });
  }

  /** Until the board restarts, an error is told, or the power has failed. */
  update(): boolean {
    const whole: Firmware = { uri: URI, state: 2, updateStatus: 0 };
    return this.powered(() => {
      this.installer.update(whole, this.listener);
      this.settle(() => this.restarts || this.status !== undefined);
    });
  }

  /** Lets timers fire and the server answer until `done`. */
  settle(done: () => boolean): void {
    for (let fired = 0; !done() && this.hardware.powered; fired++) {
      if (fired > MOST_TIMERS) throw new Error("no end in sight");
      this.answer();
      if (done() || !this.hardware.powered) return;
      if (this.clock.jumpToNext() < 0) throw new Error("nothing more would happen");
    }
  }

  /** The server answers what was asked. */
  answer(): void {
    while (this.served < this.network.links.length && this.hardware.powered) {
      this.server.serve(this.network.links[this.served++]!);
    }
  }

  /**
   * A whole update, connection included. Returns false if the power failed in it.
   * @param pause the board is switched off and on between download and update
   */
  updateAndConfirm(pause = false): boolean {
    const off = () => {
      this.hardware.off();
      return this.start();
    };
    const steps: (() => boolean)[] = [
      () => this.installer.previousStart.state === 2 || this.download(),
      () => !pause || off(),
      () => this.update() || this.restarts,
      () => this.start(),
      () => this.confirm(),
      () => this.told(),
    ];
    return steps.every(step => step());
  }

  confirm(): boolean {
    return this.powered(() => void this.installer.confirm());
  }

  /** The server has acknowledged how an update ended. */
  told(): boolean {
    return this.powered(() => this.installer.told());
  }
}
