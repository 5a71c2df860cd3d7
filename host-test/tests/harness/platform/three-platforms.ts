// Run as a process by inbox.test.ts: starts three platforms with pages, uses them, closes them, and says what is open
// then. If anything held the process, it would not end.

import { once } from "node:events";
import mqtt from "mqtt";
import { startPage, startPlatform } from "../../../harness/platform/index.ts";

const HELD = /TCP|Server|Timeout|Immediate/;

async function life(n: number): Promise<void> {
  const device = { org: "abc123", type: "thermo", id: `t-0${n}`, token: "secret" };
  const platform = await startPlatform({ devices: [device] });
  const page = await startPage(platform);
  const live = await fetch(`${page.url}live`);
  const login = { clientId: `d:abc123:thermo:${device.id}`, username: "use-token-auth", password: "secret" };
  const client = mqtt.connect(platform.url, { ...login, reconnectPeriod: 0 });
  await platform.awaitConnected(device);
  client.publish("iot-2/evt/status/fmt/json", "{}", { qos: 1 });
  await platform.awaitEvent({ device });
  const closed = once(client as never, "close");
  await Promise.all([page.close(), platform.close()]);
  await closed;
  await live.body?.cancel().catch(() => {});
}

await Promise.all([1, 2, 3].map(life));
// fetch keeps its connections for a while; with the servers gone they end in the next turn.
await new Promise(resolve => setImmediate(resolve));
console.log(`open: ${process.getActiveResourcesInfo().filter(kind => HELD.test(kind)).length}`);
