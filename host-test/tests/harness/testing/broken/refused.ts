// What does a device do whose token is refused? Nothing helps but a new token, so:
//
//   healthy   shows it, and stops
//   hammering connects again at once, with a new client, which has no back-off yet
//   deaf      connects again every second
//   unaware   goes on publishing, and hears nothing of it

import { DeviceClient } from "../../../../../dist/node.js";
import type { Bench } from "../../../../../dist/testing.js";

export type Way = "healthy" | "hammering" | "deaf" | "unaware";

export function thermometer(bench: Bench, way: Way): { lamp: string } {
  const state = { lamp: "off" };
  const client = new DeviceClient(bench.options);
  const every = setInterval(() => client.publishEvent("status", "json", { temp: 20 }), 10_000);
  client.connectedCallback = () => {
    state.lamp = "green";
  };
  client.disconnectedCallback = (_, retryMs) => {
    state.lamp = retryMs >= 0 ? "yellow" : "red";
    if (retryMs >= 0) return;
    if (way === "hammering") thermometer(bench, way);
    else if (way === "deaf") setTimeout(() => client.connect(), 1000);
    if (way !== "unaware") clearInterval(every);
  };
  client.connect();
  return state;
}
