// The installer with real sockets, on the hardware of hardware.ts: a device in this process that the tools of a PC update.

import { UpdateInstaller } from "../../../targets/moddable/update/installer.ts";
import { nodePorts, type Ports, type TlsOptions } from "../../../targets/node/index.ts";
import { nodeEngine } from "./files.ts";
import { Hardware } from "./hardware.ts";

export class NodeDevice {
  readonly hardware = new Hardware(true);
  installer!: UpdateInstaller;
  /** Called when the device restarts: call start() again. */
  restarted: (() => void) | undefined;
  private readonly key: Uint8Array;
  private readonly network: Ports;
  private readonly tls: TlsOptions | undefined;

  constructor(key: Uint8Array, image: Uint8Array, network: Ports = nodePorts, tls?: TlsOptions) {
    this.key = key;
    this.network = network;
    this.tls = tls;
    this.hardware.install(0, image);
  }

  /** @param version of the firmware that runs */
  start(version: string): void {
    const { hardware, key, network, tls } = this;
    hardware.boot();
    this.installer = new UpdateInstaller(
      { type: "thermo", version, key, ...(tls && { tls }) },
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
