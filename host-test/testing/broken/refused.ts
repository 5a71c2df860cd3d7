// What does a device do whose token is refused? Nothing helps but a new token, so:
//
//   healthy   shows it, and stops
//   hammering connects again at once
//   deaf      connects again every second
//   crashing  goes on publishing, which throws

import { DeviceClient } from "../../../dist/node.js";
import type { Bench } from "../../../dist/testing.js";

export type Way = "healthy" | "hammering" | "deaf" | "crashing";

export function thermometer({ options }: Bench, way: Way): { lamp: string } {
  const state = { lamp: "off" };
  const client = new DeviceClient(options);
  const every = setInterval(() => client.publishEvent("status", "json", { temp: 20 }), 10_000);
  client.connectedCallback = () => {
    state.lamp = "green";
  };
  client.disconnectedCallback = (_, willRetry) => {
    state.lamp = willRetry ? "yellow" : "red";
    if (willRetry) return;
    if (way === "hammering") client.connect();
    else if (way === "deaf") setTimeout(() => client.connect(), 1000);
    if (way !== "crashing") clearInterval(every);
  };
  client.connect();
  return state;
}
