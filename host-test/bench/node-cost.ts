// The cost of an event on Node, beside other clients: same broker, one process per run, clients in turn, medians.

import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Mosquitto } from "../tests/end-to-end/broker/mosquitto.ts";

export interface Run {
  /** CPU time of the process per message, user and system, microseconds. */
  cpuUs: number;
  perSecond: number;
  maxRssKb: number;
}

/** "floor": a bare socket that sends prepared frames; see node-load.js. */
export type ClientName = "ours" | "mqttjs" | "ibmiotf" | "floor";

export interface NodeFigures {
  ours: number;
  mqttjs: number;
  ibmiotf: number;
  floor: number;
  /** ours / mqttjs */
  ratio: number;
  perSecond: Record<ClientName, number>;
  maxRssKb: Record<ClientName, number>;
}

const LOAD = fileURLToPath(new URL("node-load.js", import.meta.url));
const CLIENTS: readonly ClientName[] = ["ours", "mqttjs", "ibmiotf", "floor"];

/** No limits and no delay on the broker's side: the clients are measured, not the broker. */
const BROKER = ["allow_anonymous true", "max_inflight_messages 0", "max_queued_messages 0", "set_tcp_nodelay true"];

export function measureNode(messages: number, rounds: number): Promise<Record<"qos0" | "qos1" | "qos2", NodeFigures>> {
  return withBroker(async port => {
    const figures = {} as Record<"qos0" | "qos1" | "qos2", NodeFigures>;
    for (const qos of [0, 1, 2] as const) figures[`qos${qos}`] = await compare(port, qos, messages, rounds);
    return figures;
  });
}

/** Our cost by payload size. */
export function measurePayloads(sizes: number[]): Promise<(Run & { bytes: number })[]> {
  return withBroker(async port => {
    const rows = [];
    for (const bytes of sizes) {
      const messages = Math.max(500, Math.min(20_000, 5e7 / bytes));
      rows.push({ bytes, ...(await load("ours", 1, messages, port, bytes)) });
    }
    return rows;
  });
}

/** Our cost by number of devices in one process, which publish in turn. */
export function measureDevices(counts: number[]): Promise<(Run & { devices: number })[]> {
  return withBroker(async port => {
    const rows = [];
    for (const devices of counts) rows.push({ devices, ...(await load("ours", 1, 20_000, port, 0, devices)) });
    return rows;
  });
}

async function withBroker<T>(use: (port: number) => Promise<T>): Promise<T> {
  const broker = await Mosquitto.start({ config: BROKER, quiet: true });
  try {
    return await use(broker.port);
  } finally {
    await broker.close();
  }
}

async function compare(port: number, qos: number, messages: number, rounds: number): Promise<NodeFigures> {
  const runs: Record<ClientName, Run[]> = { ours: [], mqttjs: [], ibmiotf: [], floor: [] };
  for (let round = 0; round < rounds; round++) {
    for (const client of CLIENTS) runs[client].push(await load(client, qos, messages, port));
  }
  const medians = (pick: (run: Run) => number) =>
    Object.fromEntries(CLIENTS.map(client => [client, median(runs[client].map(pick))])) as Record<ClientName, number>;
  const cpu = medians(run => run.cpuUs);
  return {
    ...cpu,
    ratio: cpu.ours / cpu.mqttjs,
    perSecond: medians(run => run.perSecond),
    maxRssKb: medians(run => run.maxRssKb),
  };
}

async function load(
  client: ClientName,
  qos: number,
  messages: number,
  port: number,
  bytes = 0,
  devices = 1,
): Promise<Run> {
  const args = [LOAD, client, qos, Math.round(messages), port, bytes, devices].map(String);
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 120_000 });
  return JSON.parse(stdout);
}

function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)]!;
}
