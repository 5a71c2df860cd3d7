// The figures of a run for Prometheus, on a port of this computer.

import { createServer, type Server } from "node:http";
import { Counter, Gauge, Registry } from "prom-client";
import { CommandError } from "../cli/errors.ts";
import type { LatencySummary } from "./latencies.ts";
import type { Totals } from "./totals.ts";

const PREFIX = "iotf_fleet_";

type Figure = readonly [name: string, help: string, value: (totals: Totals) => number];

type SetGauge = (gauge: Gauge<"quantile">, totals: Totals) => void;

const GAUGES: readonly Figure[] = [
  ["devices", "Device programs that were started", totals => totals.devices],
  ["connected", "Clients that are connected", totals => totals.connected],
];

const COUNTERS: readonly Figure[] = [
  ["connects_total", "Times a client connected", totals => totals.connects],
  ["connections_lost_total", "Connections that ended without disconnect()", totals => totals.connectionsLost],
  ["published_total", "Messages that publish() accepted", totals => totals.messagesPublished],
  ["rejected_total", "Messages that publish() did not accept", totals => totals.rejected],
  ["confirmed_total", "Messages that were confirmed, or sent at QoS 0", totals => totals.messagesConfirmed],
  ["dropped_total", "Messages that were accepted and given up", totals => totals.dropped],
  ["stopped_total", "Device programs that were stopped", totals => totals.stopped],
  ["errors_total", "Calls of errorCallback", totals => totals.errors],
];

/** Serves `/metrics` on 127.0.0.1. @throws CommandError if the port is taken */
export async function servePrometheus(
  port: number,
  totals: () => Totals | undefined,
): Promise<{ port: number; close(): void }> {
  const registry = new Registry();
  const addGauge = (name: string, help: string, set: SetGauge, labelNames: "quantile"[] = []) =>
    new Gauge({
      name: PREFIX + name,
      help,
      labelNames,
      registers: [registry],
      collect() {
        const current = totals();
        if (current) set(this, current);
      },
    });
  for (const [name, help, value] of GAUGES) addGauge(name, help, (gauge, current) => gauge.set(value(current)));
  for (const [name, help, value] of COUNTERS) {
    new Counter({
      name: PREFIX + name,
      help,
      registers: [registry],
      collect() {
        const current = totals();
        this.reset();
        if (current) this.inc(value(current));
      },
    });
  }
  for (const name of ["connack", "puback"] as const) {
    const set: SetGauge = (gauge, current) => setQuantiles(gauge, current[name].summary);
    addGauge(`${name}_seconds`, `Time to ${name.toUpperCase()}`, set, ["quantile"]);
  }
  const server = createServer((request, response) => {
    if (!/^\/metrics(\?|$)/.test(request.url ?? "")) return void response.writeHead(404).end();
    void registry.metrics().then(text => response.writeHead(200, { "content-type": registry.contentType }).end(text));
  });
  await listen(server, port);
  const address = server.address();
  return {
    port: typeof address === "object" && address ? address.port : port,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

function setQuantiles(gauge: Gauge<"quantile">, { p50, p95, p99 }: LatencySummary): void {
  for (const [quantile, ms] of [
    ["0.5", p50],
    ["0.95", p95],
    ["0.99", p99],
  ] as const) {
    if (ms !== null) gauge.set({ quantile }, ms / 1000);
  }
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", error => reject(new CommandError(`--prometheus ${port}: ${error.message}`)));
    server.listen(port, "127.0.0.1", resolve);
  });
}
