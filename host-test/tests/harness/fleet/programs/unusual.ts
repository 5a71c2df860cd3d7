// Uses its clients in unusual ways: as a class with fields, with callbacks that call the ones before, two at once; connects
// late, and again and again.
import config from "mc/config";
import { DeviceClient, type DeviceOptions } from "../../../../../dist/node.js";

class Meter extends DeviceClient {
  override connectedCallback = (): void => {
    this.publishEvent("status", "json", { from: this.clientId }, 1);
  };
}

export function main(options: DeviceOptions): void {
  if (config.way === "fields") new Meter(options).connect();
  if (config.way === "chained") chained(options);
  if (config.way === "two")
    for (const id of [`${options.id}`, `${options.id}-b`]) new Meter({ ...options, id }).connect();
  if (config.way === "late") setTimeout(() => new Meter(options).connect(), 1500);
}

function chained(options: DeviceOptions): void {
  const client = new DeviceClient(options);
  for (const number of [1, 2]) {
    const before = client.connectedCallback;
    client.connectedCallback = present => {
      before?.(present);
      client.publishEvent("status", "json", { number }, 1);
    };
  }
  client.connect();
}
