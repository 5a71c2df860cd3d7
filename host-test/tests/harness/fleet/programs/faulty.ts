// Some of its copies fail, each in another way.
import { DeviceClient, type DeviceOptions } from "../../../../../dist/node.js";

export function main(options: DeviceOptions): void {
  const client = new DeviceClient(options);
  if (options.id === "device-1") client.publishEvent("status", "json", {});
  client.connectedCallback = () => {
    if (options.id === "device-2") throw new TypeError("in a callback");
    if (options.id === "device-3") setTimeout(() => fail("in a timer"), 1);
    if (options.id === "device-4") void failLater("in a promise");
    if (options.id === "device-5") for (;;);
    if (options.id === "device-6") queueMicrotask(() => fail("in a microtask"));
    if (options.id === "device-7") void neverReturn();
    if (options.id === "device-8") setTimeout(() => process.exit(3), 1);
    client.publishEvent("status", "json", { id: options.id ?? "" }, 1);
  };
  client.disconnectedCallback = () => client.connect();
  client.connect();
}

function fail(where: string): never {
  throw new Error(where);
}

async function failLater(where: string): Promise<void> {
  await null;
  fail(where);
}

async function neverReturn(): Promise<void> {
  await null;
  for (;;);
}
