// NEEDS dist/ (npm run build). The whole way: `iotf-embedded update` against the local platform, and a managed device in
// this process that downloads, restarts and connects, or goes back.

import assert from "node:assert/strict";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { ManagedDeviceClient } from "../../../dist/managed-node.js";
import { privateKey, publicDer } from "../../../targets/esp32/firmware-key.ts";
import { type Platform, startPlatform } from "../../harness/platform/platform.ts";
import { ImageServer } from "../../harness/update/image-server.ts";
import { sealFirmware } from "../../harness/update/seal.ts";
import { Run } from "../harness/cli/testing.ts";
import { DEVICE, optionsFor } from "../harness/platform/testing.ts";
import { makeFolder, writeFile } from "../support/folder.ts";
import { NEXT, OLD } from "./files.ts";
import { NodeDevice } from "./node-device.ts";

const LOOPBACK = "127.0.0.1";
const folder = makeFolder();
const image = writeFile(folder, "xs_esp32.bin", NEXT.image);
const keyFile = join(folder, "key.pem");

let platform: Platform;
let device: NodeDevice;
let client: ManagedDeviceClient;
/** Versions that were started, and "confirmed". */
let story: string[];

/** The program of the device, as targets/esp32/main.js is one. @param connects a firmware that is broken does not */
function run(version: string, connects = true): Promise<void> {
  story.push(version);
  device.start(version);
  if (!connects) return Promise.resolve();
  client = new ManagedDeviceClient({
    ...optionsFor(platform),
    managed: { installer: device.installer, deviceInfo: { fwVersion: version } },
  });
  client.connectedCallback = () => {
    device.installer.confirm();
    story.push("confirmed");
  };
  client.errorCallback = error => story.push(error.message);
  return new Promise(resolve => {
    client.connect();
    client.manage(error => {
      assert.equal(error, undefined);
      resolve();
    });
  });
}

function update(version: string): Run {
  const words = ["thermo:t-01", image, "--version", version, "--key", keyFile];
  return new Run(["update", ...words, "--host", LOOPBACK, "--org", "abc123", "--url", platform.url]);
}

beforeEach(async () => {
  platform = await startPlatform({ devices: [DEVICE] });
  device = new NodeDevice(new Uint8Array(publicDer(privateKey(keyFile).key)), OLD.image);
  story = [];
  await run(OLD.version);
});
afterEach(async () => {
  await new Promise<void>(resolve => client.disconnect(resolve));
  await platform.close();
});

describe("iotf-embedded update, the local platform and a managed device", () => {
  test("the device runs the new firmware, and the platform knows its version", async () => {
    device.restarted = () => client.disconnect(() => void run(NEXT.version));
    await update(NEXT.version).succeeds();
    assert.deepEqual(story, [OLD.version, "confirmed", NEXT.version, "confirmed"]);
    const { firmware, deviceInfo } = platform.management(DEVICE).state;
    assert.deepEqual([firmware.state, firmware.updateStatus, deviceInfo.fwVersion], [0, 0, NEXT.version]);
  });

  test("the new firmware does not connect: the old one is back, and the command says so", async () => {
    device.restarted = () =>
      client.disconnect(() => {
        void run(NEXT.version, false);
        device.hardware.off(); // the watchdog restarts it
        void run(OLD.version);
      });
    await update(NEXT.version).fails(/firmware\/update failed: .*unsupported image/i);
    assert.deepEqual(story, [OLD.version, "confirmed", NEXT.version, OLD.version, "confirmed"]);
    assert.equal(device.hardware.running, 0);
  });

  test("an image that was downloaded earlier: refused, with the command that installs it", async () => {
    const key = privateKey(keyFile).key;
    const server = await ImageServer.open(sealFirmware(NEXT.image, DEVICE.type, NEXT.version, key).file, {
      host: LOOPBACK,
    });
    const manage = (...words: string[]) => new Run(["manage", "thermo:t-01", ...words, "--url", platform.url]);
    await manage("firmware-download", "--version", NEXT.version, "--uri", server.uri).succeeds();
    await server.close();
    const command = update(NEXT.version);
    assert.equal(await command.code, 1);
    const way = "'iotf-embedded manage thermo:t-01 firmware-update' installs it";
    assert.match(command.err, RegExp(`not in idle state.*; if the device has downloaded an image, ${way}\n$`));
    device.restarted = () => client.disconnect(() => void run(NEXT.version));
    await manage("firmware-update").succeeds();
    assert.deepEqual(story, [OLD.version, "confirmed", NEXT.version, "confirmed"]);
  });

  test("an older version is refused: state 0, updateStatus 5", async () => {
    await update("1.0.0").fails(/firmware\/download failed: .*unsupported image/i);
    assert.equal(platform.management(DEVICE).state.firmware.updateStatus, 5);
  });
});
