// The figures that are held: counts of the XS engine and the size of the bundle, exact in every run. They are committed in
// figures.json; the README's table is made of them; a test compares both with what is measured.

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
  growthBytes: number;
  minifiedBytes: number;
}

export const FIGURES_FILE = fileURLToPath(new URL("figures.json", import.meta.url));

export function committedFigures(): Record<"ours" | "untrimmed", Figures> {
  return JSON.parse(readFileSync(FIGURES_FILE, "utf8"));
}

/** Moddable's own ECMA-419 MQTT client, measured in the same worker; it takes bytes, not data, and checks no topic. */
const PEER = { publish: { computrons: 734, slots: 49 }, command: { computrons: 4038, slots: 31 } };

export function figuresTable({ ours, untrimmed }: Record<"ours" | "untrimmed", Figures>): string {
  const cost = ({ computrons, slots }: Cost) => `${round(computrons)} / ${round(slots)}`;
  const bytes = (value: number | undefined) => (value === undefined ? "" : value.toLocaleString("en"));
  const rows = [
    ["publishEvent, QoS 0", cost(ours.publish.qos0), cost(untrimmed.publish.qos0), ""],
    ["publishEvent, QoS 1", cost(ours.publish.qos1), cost(untrimmed.publish.qos1), cost(PEER.publish)],
    ["publishEvent, QoS 2", cost(ours.publish.qos2), cost(untrimmed.publish.qos2), ""],
    ["its confirmation, QoS 1", cost(ours.confirm.qos1), cost(untrimmed.confirm.qos1), ""],
    ["its confirmation, QoS 2", cost(ours.confirm.qos2), cost(untrimmed.confirm.qos2), ""],
    ["command, QoS 1, to commandCallback", cost(ours.command), cost(untrimmed.command), cost(PEER.command)],
    [
      "connected and subscribed, code not counted, bytes",
      bytes(ours.connectedBytes),
      bytes(untrimmed.connectedBytes),
      "",
    ],
    ["growth over 20,000 events of 2,000 lengths, bytes", bytes(ours.growthBytes), bytes(untrimmed.growthBytes), ""],
    ["bundle, minified, bytes", bytes(ours.minifiedBytes), bytes(untrimmed.minifiedBytes), ""],
  ];
  const header = ["XS: instructions / slots of garbage", "ours", "mqtt-packet untrimmed", "Moddable's MQTT client"];
  return [header, ["---", "--:", "--:", "--:"], ...rows].map(row => `| ${row.join(" | ")} |`).join("\n");
}

function round(value: number): string {
  return Math.round(value).toLocaleString("en");
}
