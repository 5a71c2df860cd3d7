// Where the device program runs: in this process, or the same files inside a real XS engine. Both run the built bundle.

import { fileURLToPath } from "node:url";
import { DeviceClient, type DeviceOptions, nodePorts } from "../../dist/node.js";
import { startXs } from "../xs/host.ts";
import { type Figures, type Report, startDevice } from "./device.js";

export interface Running {
  /** Disconnects the device; resolves when its connection is gone. */
  stop(): Promise<void>;
}

export interface Program {
  options: DeviceOptions;
  qos: 0 | 1 | 2;
  figures: () => Figures;
  report: Report;
}

const BUNDLE = fileURLToPath(new URL("../../dist/iotf-embedded.js", import.meta.url));
const DEVICE = fileURLToPath(new URL("device.js", import.meta.url));

export async function startOnNode(program: Program): Promise<Running> {
  const device = startDevice({ ...program, DeviceClient, ports: nodePorts });
  return { stop: () => new Promise(resolve => device.stop(resolve)) };
}

export async function startInXs({ options, qos, figures, report }: Program): Promise<Running> {
  const xs = await startXs({
    calls: {
      figures: () => figures(),
      report: ([what, details]: [string, Record<string, unknown>]) => report(what, details),
    },
  });
  try {
    await xs.evaluate(program(options, qos));
  } catch (error) {
    await xs.close();
    throw error;
  }
  return {
    stop: async () => {
      await xs.call("stop");
      await xs.close();
    },
  };
}

// What a main module on a device would do.
function program(options: DeviceOptions, qos: number): string {
  return `(async () => {
    const { DeviceClient } = await import(${JSON.stringify(BUNDLE)});
    const { startDevice } = await import(${JSON.stringify(DEVICE)});
    const device = startDevice({
      DeviceClient,
      ports: host.ports,
      options: ${JSON.stringify(options)},
      qos: ${qos},
      figures: () => host.call("figures"),
      report: (what, details) => host.call("report", [what, details]),
    });
    host.register("stop", () => new Promise(resolve => device.stop(resolve)));
  })()`;
}
