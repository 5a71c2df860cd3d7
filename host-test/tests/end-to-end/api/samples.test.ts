// NEEDS dist/ (npm run build). Every sample of docs/samples.md compiles against the declarations of the package, and does
// what the page says: on Node and in XS, against the local platform and against Mosquitto.

import assert from "node:assert/strict";
import { once } from "node:events";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import mqtt from "mqtt";
import type { Platform } from "../../../harness/platform/platform.ts";
import { ENGINES } from "../../engines/engines.ts";
import * as rig from "../../harness/platform/testing.ts";
import { makeFolder, ROOT } from "../../support/folder.ts";
import { Mosquitto, withoutMosquitto } from "../broker/mosquitto.ts";
import { compile } from "../package/project.ts";
import { type Running, readPage, runSample } from "./samples.ts";

/** A broker with an application beside the device. */
interface Scene {
  port: number;
  /** The next event, as "name format payload". */
  event(): Promise<string>;
  command(name: string, format: string, payload: string): Promise<void>;
  /** Where it is the local platform; `waits`: a device waits over HTTP for a command. */
  platform?: Platform;
  waits?: Promise<unknown>;
}

type Story = (scene: Scene, sample: Running) => Promise<void>;

const MY_DATA = 'status json {"name":"foo","cpu":60,"mem":50}';
const justCpu: Story = async ({ event }) => assert.equal(await event(), 'status json {"cpu":60}');

/** What each sample is seen to do. */
const STORIES: Record<string, Story> = {
  options: async (_, sample) => assert.equal(await sample.next(), "d:abc123:thermo:t-01"),
  quickstart: async ({ event }, sample) => {
    assert.match(await sample.next(), /^d:quickstart:iotf-embedded:[0-9a-f]{12}$/);
    assert.equal(await event(), 'status json {"cpu":60}');
  },
  "config-file": justCpu,
  "config-text": justCpu,
  publish: async ({ event }) => assert.equal(await event(), MY_DATA),
  qos: async ({ event }) => assert.equal(await event(), MY_DATA),
  callback: async ({ event }, sample) => {
    assert.equal(await event(), MY_DATA);
    assert.equal(await sample.next(), "Device Publish Event done!!!");
    assert.equal(await sample.next(), "disconnected");
  },
  commands: async ({ event, command }, sample) => {
    // SUBSCRIBE went before the event.
    assert.equal(await event(), 'status json {"interval":1}');
    await command("setInterval", "json", '{"interval":5}');
    assert.equal(await sample.next(), 'Command received: {"interval":5}');
    assert.equal(await sample.next(), "One event every 5 s");
    await command("setInterval", "json", "{}");
    assert.equal(await sample.next(), "Command received: {}");
    assert.equal(await sample.next(), "Error - command is missing required information: 'interval'");
    await command("print", "json", '{"message":"Hello"}');
    assert.equal(await sample.next(), 'Command received: {"message":"Hello"}');
    assert.equal(await sample.next(), "Hello");
    await command("print", "json", '{"text":"Hello"}');
    assert.equal(await sample.next(), 'Command received: {"text":"Hello"}');
    assert.equal(await sample.next(), "Error - command is missing required information: 'message'");
  },
  "custom-codec": async ({ event, command }, sample) => {
    assert.equal(await event(), "status custom world,10");
    await command("set", "custom", "world,10");
    assert.equal(await sample.next(), '{"hello":"world","x":"10"}');
  },
  life: async ({ event, platform }, sample) => {
    assert.equal(await sample.next(), "connected");
    assert.equal(await event(), 'state json {"online":true}');
    if (!platform) return;
    await platform.disconnectDevice(rig.CLIENT_ID);
    assert.match(await sample.next(), /^disconnected: 127\.0\.0\.1:\d+ closed the connection; will retry$/);
    assert.equal(await event(), 'state json {"online":false}');
    assert.equal(await sample.next(), "connected");
    assert.equal(await event(), 'state json {"online":true}');
  },
  http: async ({ event, command, waits }, sample) => {
    assert.equal(await event(), 'status json {"cpu":60}');
    await waits;
    assert.equal(await sample.next(), "the server has it");
    await command("print", "json", '{"message":"Hello"}');
    assert.equal(await sample.next(), 'print {"message":"Hello"}');
  },
  "config-yaml": justCpu,
};

async function onPlatform(t: TestContext, name: string): Promise<Scene> {
  const platform = await rig.startTestPlatform(t);
  const application = await rig.watchOrganization(t, platform, name === "quickstart" ? "quickstart" : "abc123");
  return {
    port: platform.port,
    platform,
    waits: rig.next(platform, "waiting"),
    event: async () => {
      const { topic, text } = await application.next();
      const [, event, format] = /\/evt\/([^/]+)\/fmt\/([^/]+)$/.exec(topic)!;
      return `${event} ${format} ${text}`;
    },
    command: (command, format, payload) =>
      application.publish(`${rig.ON_APP}/cmd/${command}/fmt/${format}`, payload, 1),
  };
}

// On a plain broker everyone uses the device's own topics.
async function onMosquitto(t: TestContext): Promise<Scene> {
  const broker = await Mosquitto.start();
  t.after(() => broker.close());
  const application = new rig.TestClient(mqtt.connect(broker.url, { reconnectPeriod: 0 }));
  t.after(() => application.drop());
  await once(application.mqtt as never, "connect");
  await application.subscribe("iot-2/evt/+/fmt/+", 2);
  return {
    port: broker.port,
    event: async () => {
      const { topic, text } = await application.next();
      const [, , event, , format] = topic.split("/");
      return `${event} ${format} ${text}`;
    },
    command: (command, format, payload) => application.publish(`iot-2/cmd/${command}/fmt/${format}`, payload, 1),
  };
}

const { samples } = readPage();

test("every sample of the page has its story here, and every story its sample", () => {
  assert.deepEqual(samples.map(({ name }) => name).sort(), Object.keys(STORIES).sort());
});

test("the samples compile, strictly, against the declarations of the package", async t => {
  const files = Object.fromEntries(samples.map(({ name, source }) => [`${name}.ts`, source]));
  const { code, out } = await compile(makeFolder(t), files, {
    exactOptionalPropertyTypes: true,
    moduleDetection: "force",
    lib: ["ES2023"],
    paths: {
      "iotf-embedded": [join(ROOT, "dist/node.d.ts")],
      "iotf-embedded/http": [join(ROOT, "dist/http-node.d.ts")],
    },
  });
  assert.equal(code, 0, out);
});

for (const sample of samples) {
  for (const engine of ENGINES) {
    if (sample.mark === "node" && engine === "xs") continue;
    const run = (scene: Scene, t: TestContext): Promise<void> =>
      runSample(t, engine, sample, scene.port).then(running => STORIES[sample.name]!(scene, running));
    test(`sample ${sample.name} on ${engine} against the local platform`, { timeout: 30_000 }, async t => {
      await run(await onPlatform(t, sample.name), t);
    });
    if (sample.mark === "http") continue;
    const skip = withoutMosquitto();
    test(`sample ${sample.name} on ${engine} against Mosquitto`, { timeout: 30_000, skip }, async t => {
      await run(await onMosquitto(t), t);
    });
  }
}
