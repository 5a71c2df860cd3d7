// NEEDS dist/ (npm run build). Our device, on Node and in XS, with the clients of others on one local platform: MQTT.js as
// application, and IBM's own npm package @wiotp/sdk as application and as a second device.
//
// That package can only name its server as <org>.messaging.<domain> on a few ports, so `domain` carries port and all, and
// such names are looked up as loopback.

import assert from "node:assert/strict";
import dns from "node:dns";
import { type EventEmitter, once } from "node:events";
import { createRequire } from "node:module";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { Platform } from "../../../harness/platform/platform.ts";
import { ENGINES, type EngineName, startEngine } from "../../engines/engines.ts";
import * as rig from "../../harness/platform/testing.ts";
import { deviceInbox } from "../../support/inbox.ts";

/** As much of @wiotp/sdk as is used here; it has no types. */
interface SdkClient extends EventEmitter {
  connect(): void;
  /** MQTT.js 3, which may be ended by force: it tells nobody when it had lost its connection before. */
  mqtt: { end(force: true): void };
}
interface SdkApplication extends SdkClient {
  subscribeToEvents(
    type: string,
    id: string,
    event: string,
    format: string,
    qos: number,
    done: (error: unknown) => void,
  ): void;
  publishCommand(type: string, id: string, command: string, format: string, data: unknown, qos: number): void;
}
interface SdkDevice extends SdkClient {
  publishEvent(event: string, format: string, data: unknown, qos: number, done: (error: unknown) => void): void;
}
type SdkConfig = object;
const sdk: {
  ApplicationClient: new (config: SdkConfig) => SdkApplication;
  ApplicationConfig: new (identity: object, auth: object, options: object) => SdkConfig;
  DeviceClient: new (config: SdkConfig) => SdkDevice;
  DeviceConfig: new (identity: object, auth: object, options: object) => SdkConfig;
} = createRequire(import.meta.url)("@wiotp/sdk");

const SUBJECT = fileURLToPath(new URL("../broker/subject.js", import.meta.url));
const APPLICATION = { org: "abc123", appId: "sdk", key: "key1", token: "application-token" };
const SECOND = { ...rig.DEVICE, id: "t-02", token: "second-token" };
const DOMAIN = "loopback.test";

/** Names of that domain are this machine, for as long as the test lasts. Call it before the platform is started. */
function prepareSdk(t: TestContext): SdkClient[] {
  const clients: SdkClient[] = [];
  // Before the platform closes: a connection the package has lost keeps the process alive for five minutes.
  t.after(() => {
    for (const { mqtt } of clients) mqtt.end(true);
  });
  const real = dns.lookup;
  t.mock.method(dns, "lookup", ((name: string, options: { all?: boolean }, done: (...found: unknown[]) => void) => {
    if (!name.endsWith(`.messaging.${DOMAIN}`)) return real(name, options as object, done);
    if (options.all) done(null, [{ address: "127.0.0.1", family: 4 }]);
    else done(null, "127.0.0.1", 4);
  }) as never);
  return clients;
}

/** Where the package finds the platform: it puts ":1883" behind the domain, which becomes part of a path. */
function sdkOptions(platform: Platform): object {
  return { domain: `${DOMAIN}:${platform.port}/`, logLevel: "silent", mqtt: { port: 1883 } };
}

async function connected<C extends SdkClient>(clients: SdkClient[], client: C): Promise<C> {
  client.connect();
  clients.push(client);
  await once(client, "connect");
  return client;
}

async function sdkApplication(clients: SdkClient[], platform: Platform): Promise<SdkApplication> {
  const { appId, key, token } = APPLICATION;
  const config = new sdk.ApplicationConfig({ appId }, { key: `a-abc123-${key}`, token }, sdkOptions(platform));
  const application = await connected(clients, new sdk.ApplicationClient(config));
  await new Promise<void>((resolve, reject) => {
    application.subscribeToEvents("+", "+", "+", "+", 1, error => (error ? reject(error) : resolve()));
  });
  return application;
}

async function sdkDevice(clients: SdkClient[], platform: Platform): Promise<SdkDevice> {
  const { org, type, id, token } = SECOND;
  const config = new sdk.DeviceConfig({ orgId: org, typeId: type, deviceId: id }, { token }, sdkOptions(platform));
  return connected(clients, new sdk.DeviceClient(config));
}

async function ours(t: TestContext, engine: EngineName, platform: Platform) {
  const { commands, told, calls } = deviceInbox();
  const device = await startEngine(engine, SUBJECT, rig.optionsFor(platform), calls);
  t.after(async () => {
    await device.invoke("disconnect");
    await device.close();
  });
  await device.invoke("connect");
  assert.deepEqual(await told.next(), ["connected", undefined]);
  return {
    publish: (data: unknown, qos: 0 | 1 | 2) => device.invoke("publish", { event: "status", data, qos }),
    /** The next command. Nothing else was told before it. */
    async heard() {
      const command = (await commands.next()) as { command: string; format: string; data: unknown; timestamp: string };
      assert.deepEqual(told.waiting, []);
      return command;
    },
  };
}

const START = { devices: [rig.DEVICE, SECOND], applications: [APPLICATION] };

for (const engine of ENGINES) {
  for (const qos of [0, 1, 2] as const) {
    test(`device on ${engine}: MQTT.js receives its event and sends it a command at QoS ${qos}`, {
      timeout: 20_000,
    }, async t => {
      const platform = await rig.startTestPlatform(t);
      const application = await rig.watchOrganization(t, platform);
      const device = await ours(t, engine, platform);
      await device.publish({ name: "foo", cpu: 60, mem: 50 }, qos);
      const { topic, text } = await application.next();
      assert.deepEqual([topic, text], [`${rig.ON_APP}/evt/status/fmt/json`, '{"name":"foo","cpu":60,"mem":50}']);
      await application.publish(`${rig.ON_APP}/cmd/print/fmt/json`, '{"message":"안녕"}', qos);
      const { timestamp, ...command } = await device.heard();
      assert.deepEqual(command, { command: "print", format: "json", data: { message: "안녕" } });
      assert.ok(!Number.isNaN(Date.parse(timestamp)));
    });
  }

  test(`device on ${engine}: @wiotp/sdk's application receives its event and sends it a command`, {
    timeout: 20_000,
  }, async t => {
    const clients = prepareSdk(t);
    const platform = await rig.startTestPlatform(t, START);
    const application = await sdkApplication(clients, platform);
    const device = await ours(t, engine, platform);
    const received = once(application, "deviceEvent");
    await device.publish({ name: "foo", cpu: 60, mem: 50 }, 1);
    const [type, id, event, format, payload] = await received;
    assert.deepEqual([type, id, event, format], ["thermo", "t-01", "status", "json"]);
    assert.equal(payload.toString(), '{"name":"foo","cpu":60,"mem":50}');

    application.publishCommand("thermo", "t-01", "setInterval", "json", { interval: 5 }, 1);
    const { command, data } = await device.heard();
    assert.deepEqual([command, data], ["setInterval", { interval: 5 }]);
  });

  test(`device on ${engine} beside @wiotp/sdk's device: each has its own events and commands`, {
    timeout: 20_000,
  }, async t => {
    const clients = prepareSdk(t);
    const platform = await rig.startTestPlatform(t, START);
    const application = await sdkApplication(clients, platform);
    const device = await ours(t, engine, platform);
    const other = await sdkDevice(clients, platform);
    const events: string[] = [];
    application.on("deviceEvent", (_type, id, event, format, payload) => {
      events.push(`${id} ${event} ${format} ${payload}`);
      application.emit("any");
    });
    await device.publish({ from: "ours" }, 1);
    while (events.length < 1) await once(application, "any");
    other.publishEvent("status", "json", { from: "theirs" }, 1, () => {});
    while (events.length < 2) await once(application, "any");
    assert.deepEqual(events, ['t-01 status json {"from":"ours"}', 't-02 status json {"from":"theirs"}']);

    const theirs = once(other, "command");
    for (const id of ["t-02", "t-01"]) application.publishCommand("thermo", id, "whoAreYou", "json", { id }, 1);
    const [command, format, payload] = await theirs;
    assert.deepEqual([command, format, payload.toString()], ["whoAreYou", "json", '{"id":"t-02"}']);
    assert.deepEqual((await device.heard()).data, { id: "t-01" });
  });
}
