// mqtt-packet is the only framer: where one of its functions throws, no packet of that kind leaves or arrives, at any QoS
// and size.

import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import { pathToFileURL } from "node:url";
import type * as Library from "../../../src/index.ts";
import { puback, publish, suback } from "../../harness/testing/frames.ts";
import { buildVariant, type Change } from "../fuzz/variant.ts";
import { DEVICE, Stage } from "../support/device.ts";
import { makeFolder } from "../support/folder.ts";

/** A function of mqtt-packet that throws. */
const throwing = (file: string, line: string): Change => ({
  file: `mqtt-packet/${file}`,
  from: `${line}\n`,
  to: `${line}\n    throw new Error('fault')\n`,
});
const PUBLISH = throwing("writeToStream.js", "function publish (packet, stream, opts) {");
const CONFIRMATION = throwing("writeToStream.js", "function confirmation (packet, stream, opts) {");
const PARSE_PUBLISH = throwing("parser.js", "  _parsePublish () {");
const PARSE_MESSAGE_ID = throwing("parser.js", "  _parseMessageId () {");

const folder = makeFolder();

let builds = 0;

async function library(fault?: Change): Promise<typeof Library> {
  const outfile = join(folder, `${builds++}.mjs`);
  await buildVariant(fault ? [fault] : [], outfile);
  return await import(pathToFileURL(outfile).href);
}

/** A connected device. Its diary has the commands and errors that its callbacks got. */
function connected(lib: typeof Library): Stage<Library.DeviceClient> {
  const stage = new Stage<Library.DeviceClient>((net, stage) => {
    const client = new lib.DeviceClient({ ...DEVICE, limits: { frameBytes: 1024, transmitBytes: 256 } }, net);
    stage.listen(client);
    client.commandCallback = ({ command }) => stage.note(`command ${command}`);
    return client;
  }, 0);
  return stage.connected().quiet();
}

/** Types of the packets that left. */
const sent = (stage: Stage<Library.DeviceClient>): string[] => stage.packets().map(({ cmd }) => cmd);

/** The fault reaches the caller. The tests look at what left and arrived. */
function attempt(act: () => void): void {
  try {
    act();
  } catch (error) {
    assert.match((error as Error).message, /fault/);
  }
}

const QOS = [0, 1, 2] as const;
const SIZES = { small: 10, "larger than the transmit buffer": 3000 };

describe("events", () => {
  for (const [title, fault, packets] of [
    ["leave", undefined, ["publish"]],
    ["do not leave where mqtt-packet's publish throws", PUBLISH, []],
  ] as const) {
    test(title, async () => {
      const lib = await library(fault);
      for (const qos of QOS) {
        for (const [name, size] of Object.entries(SIZES)) {
          const stage = connected(lib);
          attempt(() => void stage.client.publishEvent("status", "json", { text: "x".repeat(size) }, qos));
          assert.deepEqual(sent(stage), packets, `QoS ${qos}, ${name}`);
        }
      }
    });
  }
});

const CUTS = { "in one piece": 100_000, "byte by byte": 1 };

describe("commands", () => {
  for (const [title, fault, arrives] of [
    ["arrive", undefined, true],
    ["do not arrive where mqtt-packet's _parsePublish throws", PARSE_PUBLISH, false],
  ] as const) {
    test(title, async () => {
      const lib = await library(fault);
      for (const qos of QOS) {
        for (const [name, size] of Object.entries({ small: 10, large: 500, oversize: 3000 })) {
          for (const [cut, step] of Object.entries(CUTS)) {
            const { link, diary } = connected(lib);
            const bytes = publish("iot-2/cmd/reboot/fmt/json", JSON.stringify("x".repeat(size)), { qos, id: 7 });
            attempt(() => {
              for (let at = 0; at < bytes.length; at += step) link.receives(bytes.subarray(at, at + step));
            });
            assert.equal(diary.length, arrives ? 1 : 0, `QoS ${qos}, ${name}, ${cut}: ${diary}`);
          }
        }
      }
    });
  }
});

describe("acknowledgements", () => {
  test("do not leave where mqtt-packet's confirmation throws", async () => {
    for (const [fault, packets] of [
      [undefined, ["puback", "pubrec"]],
      [CONFIRMATION, []],
    ] as const) {
      const stage = connected(await library(fault));
      for (const qos of [1, 2] as const) {
        attempt(() => stage.link.receives(publish("iot-2/cmd/reboot/fmt/json", "{}", { qos, id: qos })));
      }
      assert.deepEqual(sent(stage), packets);
    }
  });

  test("do not arrive where mqtt-packet's _parseMessageId throws", async () => {
    for (const [fault, confirmed] of [
      [undefined, true],
      [PARSE_MESSAGE_ID, false],
    ] as const) {
      const { client, link } = connected(await library(fault));
      attempt(() => link.receives(suback(1, 1)));
      let done = false;
      client.publishEvent("status", "json", {}, 1, () => {
        done = true;
      });
      attempt(() => link.receives(puback(2)));
      assert.equal(done, confirmed);
    }
  });
});
