// `npm run docs:picture`: docs/page.png, the page of the local platform while a device publishes, seen by Chromium.

import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { DeviceClient } from "../../dist/node.js";
import { DEMO_DEVICE, demoDeviceOptions } from "../harness/cli/demo-device.ts";
import { startPage } from "../harness/platform/page/page.ts";
import { startPlatform } from "../harness/platform/platform.ts";
import { Chromium, withoutChromium } from "../tests/harness/page/chromium.ts";

const PICTURE = fileURLToPath(new URL("../../docs/page.png", import.meta.url));
const WIDTH = 1000;
const HEIGHT = 760;
/** Events before the picture is taken; they arrive PAUSE_MS apart, because the page plots over time. */
const EVENTS = 60;
const PAUSE_MS = 50;

/** Readings of a room that is heated: the same in every run. */
function reading(step: number): { celsius: number; heating: boolean; freeHeap: number } {
  const celsius = 20 + 1.5 * Math.sin(step / 9) + 0.1 * Math.sin(step * 1.7);
  return {
    celsius: Math.round(celsius * 100) / 100,
    heating: Math.cos(step / 9) > 0,
    freeHeap: 92_000 - 640 * (step % 9),
  };
}

async function main(): Promise<void> {
  const reason = withoutChromium();
  if (reason) throw new Error(reason);
  const platform = await startPlatform({ devices: [DEMO_DEVICE] });
  const page = await startPage(platform);
  const browser = await Chromium.start();
  try {
    const tab = await browser.open(page.url, WIDTH, HEIGHT);
    const client = new DeviceClient({ ...demoDeviceOptions(), host: "127.0.0.1", port: platform.port, tls: false });
    client.connect();
    await platform.awaitSubscribed(DEMO_DEVICE);
    for (let step = 0; step < EVENTS; step++) {
      client.publishEvent("status", "json", reading(step), 1);
      await new Promise(resolve => setTimeout(resolve, PAUSE_MS));
    }
    await platform.sendCommand(DEMO_DEVICE, "setInterval", { interval: 0.5 });
    await platform.sendCommand(DEMO_DEVICE, "print", { message: "hello" });
    await tab.until(`document.querySelectorAll(".plot").length >= 2 && document.querySelector("#last-others li")`);
    writeFileSync(PICTURE, await tab.screenshot());
    await new Promise<void>(resolve => client.disconnect(resolve));
  } finally {
    await browser.close();
    await page.close();
    await platform.close();
  }
}

await main();
