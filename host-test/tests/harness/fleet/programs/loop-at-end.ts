// One copy never returns from its callback.
import { DeviceClient, type DeviceOptions } from "../../../../../dist/node.js";

export function main(options: DeviceOptions): void {
  const client = new DeviceClient(options);
  client.connectedCallback = () => {
    if (options.id === "device-1") for (;;);
  };
  client.connect();
}
