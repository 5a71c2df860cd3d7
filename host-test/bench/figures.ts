// The committed figures: counts of the XS engine and the size of the bundle, the same in every run. figures.json has them,
// the table of docs/cost.md is generated from it, and figures.test.ts measures again and compares.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Cost } from "./xs-cost.ts";

export interface Figures {
  publish: Record<"qos0" | "qos1" | "qos2", Cost>;
  confirm: Record<"qos1" | "qos2", Cost>;
  command: Cost;
  json: Cost;
  /** Bytes of a connected and subscribed device on a 32-bit chip; undefined where it cannot be measured. */
  connectedBytes: number | undefined;
  /** Of these, slots of 16 bytes each. */
  connectedSlots: number | undefined;
  /** Bytes in addition when 100 events of QoS 0 with payloads of 45 bytes wait; undefined as connectedBytes. */
  outboxBytes: number | undefined;
  growthBytes: number;
  minifiedBytes: number;
}

/** What `iotf-embedded/managed` adds to the bundle, and a device that uses it. */
export interface ManagedFigures {
  minifiedBytes: number;
  /** Of a connected and subscribed ManagedDeviceClient, as Figures.connectedBytes. */
  connectedBytes: number;
  connectedSlots: number;
}

export interface Committed {
  ours: Figures;
  published: Figures;
  managed: ManagedFigures;
}

export const FIGURES_FILE = fileURLToPath(new URL("figures.json", import.meta.url));

export function committedFigures(): Committed {
  return JSON.parse(readFileSync(FIGURES_FILE, "utf8"));
}

/** Moddable's own ECMA-419 MQTT client, measured in the same worker. It takes bytes, not data, and checks no topic. */
const PEER = { publish: { computrons: 734, slots: 49 }, command: { computrons: 4038, slots: 31 } };

export function figuresTable({
  ours,
  published,
  managed,
}: Omit<Committed, "managed"> & { managed: ManagedFigures | undefined }): string {
  const cost = ({ computrons, slots }: Cost) => `${round(computrons)} / ${round(slots)}`;
  const bytes = (value: number | undefined) => (value === undefined ? "" : value.toLocaleString("en"));
  const rows = [
    ["publishEvent, QoS 0", cost(ours.publish.qos0), cost(published.publish.qos0), ""],
    ["publishEvent, QoS 1", cost(ours.publish.qos1), cost(published.publish.qos1), cost(PEER.publish)],
    ["publishEvent, QoS 2", cost(ours.publish.qos2), cost(published.publish.qos2), ""],
    ["its acknowledgement, QoS 1", cost(ours.confirm.qos1), cost(published.confirm.qos1), ""],
    ["its acknowledgements, QoS 2", cost(ours.confirm.qos2), cost(published.confirm.qos2), ""],
    ["command, QoS 1, to commandCallback", cost(ours.command), cost(published.command), cost(PEER.command)],
    ["connected and subscribed, without code, bytes", bytes(ours.connectedBytes), bytes(published.connectedBytes), ""],
    ["the same, slots of 16 bytes", bytes(ours.connectedSlots), bytes(published.connectedSlots), ""],
    ["100 waiting events of 45 bytes, bytes", bytes(ours.outboxBytes), bytes(published.outboxBytes), ""],
    ["growth over 20,000 events of 2,000 lengths, bytes", bytes(ours.growthBytes), bytes(published.growthBytes), ""],
    ["bundle, minified, bytes", bytes(ours.minifiedBytes), bytes(published.minifiedBytes), ""],
    ["iotf-embedded/managed beside it, minified, bytes", bytes(managed?.minifiedBytes), "", ""],
    ["managed device, connected and subscribed, bytes", bytes(managed?.connectedBytes), "", ""],
    ["the same, slots of 16 bytes", bytes(managed?.connectedSlots), "", ""],
  ];
  const header = ["XS: instructions / slots of garbage", "ours", "mqtt-packet as published", "Moddable's MQTT client"];
  return [header, ["---", "--:", "--:", "--:"], ...rows].map(row => `| ${row.join(" | ")} |`).join("\n");
}

function round(value: number): string {
  return Math.round(value).toLocaleString("en");
}
