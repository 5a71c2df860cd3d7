// The library on the real toolchain: built by manifest and as a package, the flashable app and every example, run in the
// SDK's simulator against real servers. Skipped, aloud, where there is no SDK.

import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import mqtt, { type MqttClient } from "mqtt";
import { type Platform, startPlatform } from "../../../harness/platform/platform.ts";
import { makeChain } from "../../contract/certificates.ts";
import { freePort, Mosquitto, withoutMosquitto } from "../../end-to-end/broker/mosquitto.ts";
import { makeFolder, ROOT } from "../../support/folder.ts";
import { listen } from "../../support/listen.ts";
import { outputOf, runProgram } from "../../support/program.ts";
import { openTlsFront, type TlsFront } from "../../support/tls-front.ts";
import { linkFor } from "./chips.ts";
import { measure } from "./measure.ts";
import { copyOf, mcconfig, mcpack, Simulator, withoutModdable } from "./simulator.ts";

const skip = withoutModdable();
if (skip) console.log(`host-test/tests/engines/moddable: ${skip}`);

const APP = join(ROOT, "targets/esp32");
const HTTP_PROGRAM = join(ROOT, "host-test/tests/engines/moddable/http");
const EXAMPLES = join(ROOT, "targets/examples");
const IDENTITY = { org: "abc123", type: "thermo", id: "t-01", token: "demo-token", host: "127.0.0.1" };

/** Ceilings, a little above docs/moddable.md. After the first events: one encoded topic, and the buffer of the outbox. */
const CONNECTED = { slots: 173, chunks: 2000 };
const FIRST_EVENTS = { slots: 40, chunks: 8000 };
const LATER = { slots: 20, chunks: 200 };

const work = makeFolder();

describe("building", { skip, timeout: 600_000 }, () => {
  test("as a package: an import and mcpack are enough", async () => {
    const folder = join(work, "packaged");
    mkdirSync(join(folder, "node_modules"), { recursive: true });
    symlinkSync(ROOT, join(folder, "node_modules/iotf-embedded"), "dir");
    writeFileSync(join(folder, "package.json"), '{ "name": "packaged", "type": "module", "main": "./main.js" }');
    writeFileSync(
      join(folder, "main.js"),
      `import { DeviceClient, MqttClient } from "iotf-embedded";
       import { HttpClient } from "iotf-embedded/http";
       const client = new DeviceClient({ host: "127.0.0.1", port: 1883 });
       trace(client.clientId, " ", client instanceof DeviceClient, " ", typeof MqttClient, " ",
         typeof new HttpClient({ host: "127.0.0.1", port: 80 }).publishEvent, "\\n");`,
    );
    const build = await mcpack(folder);
    assert.deepEqual(build.warnings, []);
    await Simulator.run(build, simulator => simulator.says(/^d:quickstart:iotf-embedded:\S+ true function function$/));
  });

  test('mcpack reads JavaScript only, as docs/esp32.md says: "main": "main.ts" fails', async () => {
    const folder = join(work, "typed");
    mkdirSync(folder);
    writeFileSync(join(folder, "package.json"), '{ "name": "typed", "type": "module", "main": "main.ts" }');
    writeFileSync(join(folder, "main.ts"), 'trace("typed\\n");');
    // mcpack reports the error, and its exit code is 0.
    assert.equal(existsSync((await mcpack(folder)).library), false);
  });

  test("the app, with every module of ours frozen in flash", async () => {
    assert.deepEqual((await mcconfig(APP, IDENTITY)).warnings, []);
  });
});

for (const tls of [false, true]) {
  describe(`the app in the simulator, on the local platform, ${tls ? "TLS" : "TCP"}`, {
    skip,
    timeout: 300_000,
  }, () => {
    const { org, type, id, token } = IDENTITY;
    const chain = tls && !skip ? makeChain() : undefined;

    /** The app, connected to a platform that knows the device by `known`. */
    async function running(
      known: string,
      use: (simulator: Simulator, platform: Platform, front: TlsFront | undefined) => Promise<void>,
      authority = chain?.authority,
    ): Promise<void> {
      const platform = await startPlatform({ devices: [{ org, type, id, token: known }] });
      const front = chain && (await openTlsFront(platform.port, chain));
      const folder = authority ? copyOf(APP, work, { "identity/ca.pem": authority }) : APP;
      const where = front ? { port: front.port } : { port: platform.port, secure: "false" };
      try {
        await Simulator.run(await mcconfig(folder, { ...IDENTITY, ...where }), async simulator => {
          await use(simulator, platform, front);
          assert.equal(simulator.console.lines.join().includes(token), false);
        });
      } finally {
        front?.close();
        await platform.close();
      }
    }

    test("publishes, obeys, and comes back", () =>
      running(token, async (simulator, platform, front) => {
        const application = await mqtt.connectAsync(platform.url, { clientId: `a:${org}:test` });
        try {
          const event = firstMessage(application);
          await application.subscribeAsync(`iot-2/type/${type}/id/${id}/evt/status/fmt/json`, { qos: 1 });
          await simulator.says(/^connected as d:abc123:thermo:t-01$/);
          assert.match(front?.spoken ?? "TLSv1.2 RSA", /^TLSv1\.2 .*RSA/);
          const command = (name: string, data: unknown) =>
            application.publishAsync(`iot-2/type/${type}/id/${id}/cmd/${name}/fmt/json`, JSON.stringify(data), {
              qos: 1,
            });
          await command("setInterval", { interval: 1 });
          assert.equal(typeof JSON.parse(await event).uptime, "number");
          await command("print", { message: "grüße 🌡" });
          await simulator.says(/^grüße 🌡$/);
          await command("print", { message: "x".repeat(3500) });
          await simulator.says(/^x{3500}$/);
          await command("blink", { times: 1 });
          await simulator.says(/^light off$/);
          await command("setInterval", {});
          await simulator.says(/^setInterval: interval is missing/);

          const from = simulator.console.lines.length;
          await platform.disconnectDevice(`d:${org}:${type}:${id}`);
          await simulator.says(/closed the connection; next try in \d+ s$/, { from });
          await simulator.says(/^connected as/, { from });
        } finally {
          await application.endAsync(true);
        }
      }));

    test("a wrong token ends it with the reason, which does not have the token", () =>
      running("another", async simulator => {
        await simulator.says(/^refused with CONNACK code [45]: .*; next try in 1 h$/);
      }));

    if (tls) {
      test("an authority that did not sign the server's certificate: told, and tried again", () =>
        running(
          token,
          async (simulator, platform) => {
            const refused = /^cannot reach 127\.0\.0\.1:\d+: certificate: .*; next try in \d+ s$/;
            await simulator.says(refused);
            await simulator.says(refused, { from: simulator.console.lines.length });
            assert.deepEqual(platform.connectedClients, []);
          },
          skip ? undefined : makeChain().authority,
        ));
    }
  });
}

describe("a program of one's own, as docs/esp32.md has it", { skip, timeout: 600_000 }, () => {
  const page = readFileSync(join(ROOT, "docs/esp32.md"), "utf8").split("\n## In your own project\n")[1]!;
  const files = [...page.matchAll(/^`([\w.]+)`.*:\n\n```\w+\n([\s\S]*?)^```/gm)].map(([, name, text]) => [
    name!,
    text!,
  ]);
  let folder: string;

  before(() => {
    folder = join(work, "own");
    mkdirSync(join(folder, "node_modules"), { recursive: true });
    symlinkSync(ROOT, join(folder, "node_modules/iotf-embedded"), "dir");
    symlinkSync(join(ROOT, "node_modules/@moddable"), join(folder, "node_modules/@moddable"), "dir");
    for (const [name, text] of files) writeFileSync(join(folder, name!), text!);
  });

  test("three files, which compile", async () => {
    assert.deepEqual(
      files.map(([name]) => name),
      ["manifest.json", "main.ts", "tsconfig.json"],
    );
    await outputOf(runProgram(process.execPath, [join(ROOT, "node_modules/typescript/bin/tsc"), "-p", folder]));
  });

  test("on the local platform: connects, publishes, obeys", async () => {
    const { config } = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8"));
    const { org, type, id, token } = config;
    const platform = await startPlatform({ devices: [{ org, type, id, token }] });
    try {
      const build = await mcconfig(folder, { host: "127.0.0.1", port: platform.port });
      assert.deepEqual(build.warnings, []);
      // Its first event follows SUBSCRIBE, so the command is not lost.
      const event = platform.awaitEvent({ event: "status" }, 60_000);
      await Simulator.run(build, async simulator => {
        await simulator.says(/^connected as d:abc123:thermo:t-01$/);
        assert.deepEqual((await event).data, { count: 0 });
        await platform.sendToDevice(`d:${org}:${type}:${id}`, "iot-2/cmd/print/fmt/json", '{"message":"hi"}', 1);
        await simulator.says(/^print \{"message":"hi"\}$/);
      });
    } finally {
      await platform.close();
    }
  });

  test("for an ESP32: the manifest reserves what it says, and brings Wi-Fi", async () => {
    const { warnings, preloaded, reserved, size } = await linkFor("esp32", folder, {});
    assert.deepEqual(warnings, []);
    assert.equal(reserved, 65536);
    for (const name of ["iotf-embedded", "iotf-embedded/core", "setup/network"])
      assert.ok(preloaded.includes(name), name);
    assert.ok(size > 0);
  });
});

describe("settings of the app in the simulator", { skip, timeout: 300_000 }, () => {
  test("limits that do not fit are told with the number needed", async () => {
    await Simulator.run(await mcconfig(APP, { ...IDENTITY, frameBytes: 65536 }), simulator =>
      simulator.says(/^these limits need \d+ bytes, the manifest's creation has \d+/),
    );
  });
});

describe("the other examples in the simulator", { skip: skip || withoutMosquitto(), timeout: 300_000 }, () => {
  let broker: Mosquitto;
  let application: MqttClient;

  before(async () => {
    broker = await Mosquitto.start();
    application = await mqtt.connectAsync(broker.url);
    await application.subscribeAsync("iot-2/evt/+/fmt/+", { qos: 1 });
  });
  after(async () => {
    await application?.endAsync(true);
    await broker?.close();
  });

  /** `subscribed`: a command before that is lost, for the session is a clean one. */
  async function running(
    name: string,
    use: (simulator: Simulator, subscribed: () => Promise<void>) => Promise<void>,
  ): Promise<void> {
    const build = await mcconfig(join(EXAMPLES, name), { ...IDENTITY, port: broker.port });
    assert.deepEqual(build.warnings, []);
    const from = broker.log.length;
    await Simulator.run(build, simulator =>
      use(simulator, () => broker.logged(/Sending SUBACK to d:abc123:thermo:t-01/, from)),
    );
  }

  test("sensor: its readings are confirmed", () =>
    running("sensor", async simulator => {
      const reading = JSON.parse(await simulator.says(/^confirmed (.*)$/));
      assert.ok(reading.celsius >= 15 && reading.celsius <= 25);
    }));

  test("pin: a command drives it, and the device tells", () =>
    running("pin", async (simulator, subscribed) => {
      await simulator.says(/^connected as/);
      await subscribed();
      const event = firstMessage(application);
      await application.publishAsync("iot-2/cmd/switch/fmt/json", '{"on":true}', { qos: 1 });
      await simulator.says(/^pin 2 is 1$/);
      assert.equal(await event, '{"on":true}');
    }));

  test("buffering: events of starts without a connection arrive with the first that has one", async () => {
    const port = await freePort();
    const example = join(EXAMPLES, "buffering");
    const start = async (settings: object, until: RegExp) =>
      Simulator.run(await mcconfig(example, { ...IDENTITY, ...settings }), simulator => simulator.says(until));
    let arrived = 0;
    const count = () => arrived++;
    // What an earlier run may have left behind goes first.
    await start({ port: broker.port }, /^confirmed$/);
    application.on("message", count);
    await start({ port }, /^kept$/);
    await start({ port }, /^kept$/);
    await start({ port: broker.port }, /^confirmed$/);
    application.off("message", count);
    assert.equal(arrived, 3);
  });

  test("codec: four bytes out, four bytes in", () =>
    running("codec", async (simulator, subscribed) => {
      await simulator.says(/^connected as/);
      await subscribed();
      const event = new Promise<Buffer>(resolve => application.once("message", (_, payload) => resolve(payload)));
      await application.publishAsync("iot-2/cmd/set/fmt/tenths", Buffer.from([255, 251, 1, 226]), { qos: 1 });
      await simulator.says(/^set \{"celsius":-0.5,"humidity":48.2\}$/);
      assert.deepEqual(await event, Buffer.from([0, 205, 1, 226]));
    }));
});

describe("example tls in the simulator", { skip: skip || withoutMosquitto(), timeout: 300_000 }, () => {
  const chain = skip ? undefined : makeChain();
  let broker: Mosquitto;
  let application: MqttClient;

  before(async () => {
    broker = await Mosquitto.start({
      config: ["allow_anonymous true", "certfile %DIR%/server.pem", "keyfile %DIR%/server.key"],
      files: { "server.pem": chain!.cert, "server.key": chain!.key },
    });
    application = await mqtt.connectAsync(broker.url.replace("mqtt:", "mqtts:"), { ca: chain!.authority });
  });
  after(async () => {
    await application?.endAsync(true);
    await broker?.close();
  });

  /** The example with an authority of its own. */
  async function example(authority: string, port: number, use: (simulator: Simulator) => Promise<void>) {
    const folder = copyOf(join(EXAMPLES, "tls"), work, { "ca/ca.pem": authority });
    await Simulator.run(await mcconfig(folder, { ...IDENTITY, port }), use);
  }

  test("trusts its authority, and comes back when the broker restarts", () =>
    example(chain!.authority, broker.port, async simulator => {
      const event = firstMessage(application);
      await application.subscribeAsync("iot-2/evt/status/fmt/json");
      await simulator.says(/^connected as/);
      assert.equal(await event, '{"name":"foo"}');
      const from = simulator.console.lines.length;
      await broker.kill();
      await simulator.says(/^disconnected: /, { from });
      await broker.run();
      await simulator.says(/^connected as/, { from, timeoutMs: 60_000 });
    }));

  test("refuses a certificate of another authority, and goes on trying", () =>
    example(makeChain().authority, broker.port, async simulator => {
      await simulator.says(/^disconnected: cannot reach .*certificate/);
      const from = simulator.console.lines.length;
      await simulator.says(/^disconnected: cannot reach .*certificate/, { from });
    }));

  test("sends nothing in the clear to a server that ends TLS before it began", async t => {
    const heard: Buffer[] = [];
    const closeNotify = Buffer.from([21, 3, 3, 0, 2, 1, 0]);
    const server = createServer(socket => {
      socket.on("data", bytes => heard.push(bytes));
      socket.once("data", () => socket.write(closeNotify));
    });
    const { port } = await listen(server, t);
    await example(chain!.authority, port, async simulator => {
      await simulator.says(/^disconnected: /);
      assert.notEqual(heard.length, 0);
      assert.equal(Buffer.concat(heard).includes(IDENTITY.token), false);
    });
  });
});

for (const tls of [false, true]) {
  describe(`HttpClient in the simulator, on the local platform, ${tls ? "TLS" : "TCP"}`, {
    skip,
    timeout: 300_000,
  }, () => {
    const { org, type, id, token } = IDENTITY;
    const chain = tls && !skip ? makeChain() : undefined;

    async function running(
      settings: Record<string, string | number>,
      use: (simulator: Simulator, platform: Platform) => Promise<void>,
    ): Promise<void> {
      const platform = await startPlatform({ devices: [{ org, type, id, token }] });
      const front = chain && (await openTlsFront(platform.port, chain));
      const folder = copyOf(HTTP_PROGRAM, work, { "ca/ca.pem": chain?.authority ?? "none" });
      const where = { port: (front ?? platform).port, secure: String(tls) };
      try {
        const build = await mcconfig(folder, { ...IDENTITY, ...where, characters: 10, ...settings });
        assert.deepEqual(build.warnings, []);
        await Simulator.run(build, simulator => use(simulator, platform));
      } finally {
        front?.close();
        await platform.close();
      }
    }

    test("an event of 20,000 characters is confirmed; commands come, one that is too large is an error", () =>
      running({ characters: 20_000 }, async (simulator, platform) => {
        const application = await mqtt.connectAsync(platform.url, { clientId: `a:${org}:test` });
        try {
          const event = firstMessage(application);
          await application.subscribeAsync(`iot-2/type/${type}/id/${id}/evt/status/fmt/json`, { qos: 1 });
          const waits = once(platform, "waiting");
          await simulator.says(/^confirmed$/);
          assert.deepEqual(JSON.parse(await event), { name: "온도", text: "x".repeat(20_000) });
          await waits;
          const topic = `iot-2/type/${type}/id/${id}/cmd`;
          await application.publishAsync(`${topic}/print/fmt/json`, '{"message":"grüße 🌡"}', { qos: 1 });
          await simulator.says(/^print \{"message":"grüße 🌡"\}$/);
          await application.publishAsync(`${topic}/print/fmt/text`, "x".repeat(4096), { qos: 1 });
          await simulator.says(/^print "x{4096}"$/);
          await application.publishAsync(`${topic}/print/fmt/text`, "x".repeat(4097), { qos: 1 });
          await simulator.says(/^failed: limit /);
        } finally {
          await application.endAsync(true);
        }
      }));

    test("a wrong token is refused, with the status", () =>
      running({ token: "another" }, async simulator => {
        await simulator.says(/^refused: .*HTTP status 403/);
      }));
  });
}

describe("memory in the simulator", { skip: skip || withoutMosquitto(), timeout: 300_000 }, () => {
  // docs/moddable.md has the figures of the long run.
  test("a connected device holds no more than it did, and no more after 2,000 events than after the first", async t => {
    const figures = await measure(2000);
    const of = (what: string) => figures.find(figure => figure.client === "ours" && figure.what === what)!;
    for (const { client, what, slots, chunks } of figures)
      t.diagnostic(`${client} ${what}: ${slots} slots, ${chunks} B`);
    const grown = (what: string, since: string) => ({
      slots: of(what).slots - of(since).slots,
      chunks: of(what).chunks - of(since).chunks,
    });
    atMost(of("connected"), CONNECTED);
    atMost(grown("events", "connected"), FIRST_EVENTS);
    atMost(grown("after command", "events"), LATER);
  });
});

function atMost(held: { slots: number; chunks: number }, ceiling: typeof CONNECTED): void {
  const text = `${held.slots} slots and ${held.chunks} bytes, at most ${ceiling.slots} and ${ceiling.chunks}`;
  assert.ok(held.slots <= ceiling.slots && held.chunks <= ceiling.chunks, text);
}

function firstMessage(application: MqttClient): Promise<string> {
  return new Promise(resolve => application.once("message", (_, payload) => resolve(payload.toString())));
}
