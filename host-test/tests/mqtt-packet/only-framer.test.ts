// mqtt-packet is the only framer: where one of its functions throws, no packet of that kind leaves or arrives, at any QoS
// and size.

import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import type * as Library from "../../../src/index.ts";
import type { Ports, TransportListener } from "../../../src/ports.ts";
import { bundle } from "../../../targets/bundle/bundle.ts";
import { sourceOf } from "../../../targets/bundle/trim.ts";
import { connack, puback, publish, suback } from "../../harness/testing/frames.ts";
import { makeFolder } from "../support/folder.ts";
import { Witness } from "../support/witness.ts";

const ENTRY = fileURLToPath(new URL("../../../src/index.ts", import.meta.url));
const DEVICE = {
  org: "abc123",
  type: "t",
  id: "d",
  "auth-method": "token",
  "auth-token": "secret",
  host: "h",
  port: 1,
};
const OPTIONS = { ...DEVICE, "auth-method": "token", limits: { frameBytes: 1024, transmitBytes: 256 } } as const;

/** File of mqtt-packet, and the line after which it throws. */
type Fault = readonly [file: string, line: string];
const PUBLISH: Fault = ["writeToStream.js", "function publish (packet, stream, opts) {\n"];
const CONFIRMATION: Fault = ["writeToStream.js", "function confirmation (packet, stream, opts) {\n"];
const PARSE_PUBLISH: Fault = ["parser.js", "  _parsePublish () {\n"];
const PARSE_MESSAGE_ID: Fault = ["parser.js", "  _parseMessageId () {\n"];

const folder = makeFolder();

let builds = 0;

async function library(fault?: Fault): Promise<typeof Library> {
  const source = (file: string) => {
    const text = sourceOf(file);
    if (!fault || fault[0] !== file) return text;
    assert.equal(text.split(fault[1]).length, 2);
    return text.replace(fault[1], line => `${line}    throw new Error('fault')\n`);
  };
  const outfile = join(folder, `${builds++}.mjs`);
  await bundle({ entry: ENTRY, outfile, source });
  return await import(pathToFileURL(outfile).href);
}

/** A connected device: `sent` lists the types of its packets, `received` the commands and errors its callbacks got. */
function connected(lib: typeof Library): {
  client: Library.DeviceClient;
  sent: string[];
  received: string[];
  receive(bytes: Uint8Array): void;
} {
  const witness = new Witness();
  const sent: string[] = [];
  const received: string[] = [];
  let listener: TransportListener | undefined;
  const transport = {
    writable: 65536,
    write: (bytes: Uint8Array) => void sent.push(...witness.read(bytes).map(packet => packet.cmd as string)),
    close() {},
  };
  const ports: Ports = {
    open(_endpoint, owner) {
      listener = owner;
      return transport;
    },
    clock: { now: () => 0, date: () => 0, timer: () => ({ set() {}, clear() {} }) },
    random: () => 0.5,
  };
  const client = new lib.DeviceClient(OPTIONS, ports);
  client.commandCallback = command => received.push(`command ${command.command}`);
  client.errorCallback = error => received.push(error.message);
  client.connect();
  listener!.opened();
  listener!.received(connack());
  sent.length = 0;
  return { client, sent, received, receive: bytes => listener!.received(bytes) };
}

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
          const { client, sent } = connected(lib);
          attempt(() => void client.publishEvent("status", "json", { text: "x".repeat(size) }, qos));
          assert.deepEqual(sent, packets, `QoS ${qos}, ${name}`);
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
            const { received, receive } = connected(lib);
            const bytes = publish("iot-2/cmd/reboot/fmt/json", JSON.stringify("x".repeat(size)), { qos, id: 7 });
            attempt(() => {
              for (let at = 0; at < bytes.length; at += step) receive(bytes.subarray(at, at + step));
            });
            assert.equal(received.length, arrives ? 1 : 0, `QoS ${qos}, ${name}, ${cut}: ${received}`);
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
      const { sent, receive } = connected(await library(fault));
      for (const qos of [1, 2] as const) {
        attempt(() => receive(publish("iot-2/cmd/reboot/fmt/json", "{}", { qos, id: qos })));
      }
      assert.deepEqual(sent, packets);
    }
  });

  test("do not arrive where mqtt-packet's _parseMessageId throws", async () => {
    for (const [fault, confirmed] of [
      [undefined, true],
      [PARSE_MESSAGE_ID, false],
    ] as const) {
      const { client, receive } = connected(await library(fault));
      attempt(() => receive(suback(1, 1)));
      let done = false;
      client.publishEvent("status", "json", {}, 1, () => {
        done = true;
      });
      attempt(() => receive(puback(2)));
      assert.equal(done, confirmed);
    }
  });
});
