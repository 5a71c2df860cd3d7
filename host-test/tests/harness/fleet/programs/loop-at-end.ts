// One copy never returns from the callback of its last disconnect.
import { DeviceClient, type DeviceOptions } from "../../../../../dist/node.js";

export function main(options: DeviceOptions): void {
  const client = new DeviceClient(options);
  client.disconnectedCallback = () => {
    if (options.id === "device-1") for (;;);
  };
  client.connect();
}
