// A device that publishes numbered events, as often as its settings say.
import config from "mc/config";
import { DeviceClient, type DeviceOptions } from "../../../../../dist/node.js";

export function main(options: DeviceOptions): void {
  const client = new DeviceClient(options);
  let number = 0;
  client.connect();
  setInterval(
    () => {
      client.publishEvent("status", "json", { number: number++ }, Number(config.qos ?? 1) as 0 | 1 | 2);
    },
    Number(config.ms ?? 200),
  );
}
