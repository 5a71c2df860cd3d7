// One copy never returns from a promise that Node settles: nothing says which device runs.
import { DeviceClient, type DeviceOptions } from "../../../../../dist/node.js";

export function main(options: DeviceOptions): void {
  new DeviceClient(options).connect();
  if (options.id === "device-1") void hash();
}

async function hash(): Promise<void> {
  await crypto.subtle.digest("SHA-256", new Uint8Array(1 << 20));
  for (;;);
}
