// The installer with real sockets, on the hardware of hardware.ts: a device in this process that the tools of a PC update.

import { UpdateInstaller } from "../../../targets/moddable/update/installer.ts";
import { nodePorts, type Timer } from "../../../targets/node/index.ts";
import { nodeEngine } from "./files.ts";
import { Hardware } from "./hardware.ts";

export class NodeDevice {
  readonly hardware = new Hardware(true);
  installer!: UpdateInstaller;
  /** Called when the device restarts: call start() again. */
  restarted: (() => void) | undefined;
  private readonly key: Uint8Array;
  private timers: Timer[] = [];

  constructor(key: Uint8Array, image: Uint8Array) {
    this.key = key;
    this.hardware.install(0, image);
  }

  /** What ran before is gone, and its timers with it. */
  private get network() {
    for (const timer of this.timers) timer.clear();
    this.timers = [];
    const { clock } = nodePorts;
    const timer = (due: () => void) => {
      const made = clock.timer(due);
      this.timers.push(made);
      return made;
    };
    return { ...nodePorts, clock: { ...clock, timer } };
  }

  /** @param version of the firmware that runs */
  start(version: string): void {
    const { hardware, key, network } = this;
    hardware.boot();
    this.installer = new UpdateInstaller(
      { type: "thermo", id: "t-01", version, key },
      {
        network,
        ...nodeEngine,
        slot: hardware.slot(),
        readRunning: into => into.set(hardware.slots[hardware.running]!.subarray(0, into.length)),
        boot: hardware.sectors(),
        record: hardware.store(),
        trace: () => {},
        restart: () => {
          hardware.off();
          this.restarted?.();
        },
      },
    );
  }
}
