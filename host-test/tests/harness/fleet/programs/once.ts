// Publishes one event and ends.
import { DeviceClient, type DeviceOptions } from "../../../../../dist/node.js";

export function main(options: DeviceOptions): void {
  const client = new DeviceClient(options);
  client.connect();
  client.publishEvent("status", "json", { random: Math.random() }, 2, () => client.disconnect());
}
