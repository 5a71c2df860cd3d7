// Makes its client outside main(options).
import { DeviceClient } from "../../../../../dist/node.js";

const client = new DeviceClient({});

export function main(): void {
  client.connect();
}
