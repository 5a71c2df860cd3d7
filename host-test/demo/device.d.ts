import type { DeviceClient as Client, DeviceOptions, Ports } from "../../dist/iotf-embedded.js";

export interface Figures {
  /** Per cent of all cores busy since the last look. */
  cpu: number;
  /** Per cent of memory in use. */
  mem: number;
}

export type Report = (what: string, details: Record<string, unknown>) => void;

export interface DeviceProgram {
  DeviceClient: new (options: DeviceOptions, ports: Ports) => Client;
  ports: Ports;
  options: DeviceOptions;
  qos: 0 | 1 | 2;
  figures: () => Figures;
  report: Report;
}

export function startDevice(program: DeviceProgram): { stop(done: () => void): void };
