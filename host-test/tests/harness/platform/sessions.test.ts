// Does a durable session (clean-session=false) outlive its connection, and keep every promise of QoS 1 and 2?

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { Platform } from "../../../harness/platform/platform.ts";
import { MAX_QUEUED, MAX_QUEUED_BYTES, patchStore } from "../../../harness/platform/store-patches.ts";
import * as rig from "./testing.ts";

const COMMANDS = "iot-2/cmd/+/fmt/+";
const DURABLE = { clean: false };

function send(platform: Platform, name: string, qos: 0 | 1 | 2): Promise<void> {
  return platform.sendToDevice(rig.CLIENT_ID, `iot-2/cmd/${name}/fmt/json`, "{}", qos);
}

async function names(device: rig.TestClient, count: number): Promise<string[]> {
  const list: string[] = [];
  while (list.length < count) list.push((await device.next()).topic.split("/")[2]!);
  return list;
}

async function leave(platform: Platform, device: rig.TestClient): Promise<void> {
  const disconnected = rig.next(platform, "disconnect");
  await device.end();
  await disconnected;
}

/** A device that has left a durable session with a subscription to all commands. */
async function startWithAbsent(t: TestContext, qos: 0 | 1 | 2): Promise<Platform> {
  const platform = await rig.startTestPlatform(t);
  const device = await rig.connectDevice(t, platform, DURABLE);
  assert.equal(device.sessionPresent, false);
  await device.subscribe(COMMANDS, qos);
  await leave(platform, device);
  return platform;
}

/** A device of bytes with a durable session and a subscription to all commands. */
async function startWithRaw(t: TestContext, qos: 0 | 1 | 2) {
  const platform = await rig.startTestPlatform(t);
  const raw = await rig.connectRaw(t, platform, DURABLE);
  raw.send(rig.subscribePacket(1, { [COMMANDS]: qos }));
  assert.equal((await raw.next()).type, rig.TYPE.suback);
  return { platform, raw };
}

/** The device comes back: no earlier command reaches it. */
async function assertNothingWaits(t: TestContext, platform: Platform): Promise<void> {
  const device = await rig.connectDevice(t, platform, DURABLE);
  await send(platform, "marker", 1);
  assert.deepEqual(await names(device, 1), ["marker"]);
}

/** Sends packets, leaves with DISCONNECT. */
async function finish(platform: Platform, raw: rig.RawClient, ...packets: Uint8Array[]): Promise<void> {
  const gone = rig.next(platform, "disconnect");
  raw.send(...packets, rig.DISCONNECT);
  await gone;
}

test("commands for an absent device wait, at QoS 1 and 2, and come in order when it is back", async t => {
  const platform = await startWithAbsent(t, 2);
  const application = await rig.connectApplication(t, platform);
  await application.publish(`${rig.ON_APP}/cmd/one/fmt/json`, "{}", 1);
  await application.publish(`${rig.ON_APP}/cmd/zero/fmt/json`, "{}", 0);
  await application.publish(`${rig.ON_APP}/cmd/two/fmt/json`, "{}", 2);

  const after = await rig.connectDevice(t, platform, DURABLE);
  assert.equal(after.sessionPresent, true);
  const [first, second] = [await after.next(), await after.next()];
  assert.deepEqual([first.topic, first.qos], ["iot-2/cmd/one/fmt/json", 1]);
  assert.deepEqual([second.topic, second.qos], ["iot-2/cmd/two/fmt/json", 2]);
  await send(platform, "live", 1);
  assert.deepEqual(await names(after, 1), ["live"]);
});

test("a waiting command comes at the QoS of the subscription when that is lower", async t => {
  const platform = await startWithAbsent(t, 1);
  await send(platform, "two", 2);
  const after = await rig.connectDevice(t, platform, DURABLE);
  assert.equal((await after.next()).qos, 1);
});

test("an acknowledged command does not come again", async t => {
  const platform = await rig.startTestPlatform(t);
  const before = await rig.connectDevice(t, platform, DURABLE);
  await before.subscribe(COMMANDS, 2);
  await send(platform, "one", 1);
  await send(platform, "two", 2);
  assert.deepEqual(await names(before, 2), ["one", "two"]);
  await leave(platform, before);
  await assertNothingWaits(t, platform);
});

test("a command of QoS 1 comes again under its id until it is acknowledged", async t => {
  const { platform, raw: first } = await startWithRaw(t, 1);
  await send(platform, "one", 1);
  const sent = packetId(await first.next());
  first.drop();

  const second = await rig.connectRaw(t, platform, DURABLE);
  assert.equal(packetId(await second.next()), sent);
  await finish(platform, second, rig.ackPacket(rig.TYPE.puback, sent));
  await assertNothingWaits(t, platform);
});

test("a QoS 2 exchange cut after PUBREC goes on with PUBREL, not with a second PUBLISH", async t => {
  const { platform, raw: first } = await startWithRaw(t, 2);
  await send(platform, "two", 2);
  const id = packetId(await first.next());
  first.send(rig.ackPacket(rig.TYPE.pubrec, id));
  assert.equal((await first.next()).type, rig.TYPE.pubrel);
  first.drop();

  const second = await rig.connectRaw(t, platform, DURABLE);
  const frame = await second.next();
  assert.deepEqual([frame.type, ackId(frame)], [rig.TYPE.pubrel, id]);
  await finish(platform, second, rig.ackPacket(rig.TYPE.pubcomp, id));
  await assertNothingWaits(t, platform);
});

test("two QoS 2 exchanges in progress keep their own packet ids, now and after a reconnect", async t => {
  const { platform, raw: first } = await startWithRaw(t, 2);
  await send(platform, "one", 2);
  await send(platform, "two", 2);
  const ids = [packetId(await first.next()), packetId(await first.next())];
  first.send(...ids.map(id => rig.ackPacket(rig.TYPE.pubrec, id)));
  assert.deepEqual([ackId(await first.next()), ackId(await first.next())], ids);
  first.drop();

  const second = await rig.connectRaw(t, platform, DURABLE);
  assert.deepEqual([ackId(await second.next()), ackId(await second.next())], ids);
  await finish(platform, second, ...ids.map(id => rig.ackPacket(rig.TYPE.pubcomp, id)));
  await assertNothingWaits(t, platform);
});

test("an event of QoS 2 sent twice under one id is taken once", async t => {
  const platform = await rig.startTestPlatform(t);
  const application = await rig.watchOrganization(t, platform);
  const raw = await rig.connectRaw(t, platform, DURABLE);
  const event = rig.publishPacket("iot-2/evt/e/fmt/text", "once", 2, 7);
  raw.send(event);
  assert.equal((await raw.next()).type, rig.TYPE.pubrec);
  event[0]! |= 8; // DUP
  raw.send(event);
  assert.equal((await raw.next()).type, rig.TYPE.pubrec);
  raw.send(rig.ackPacket(rig.TYPE.pubrel, 7), rig.publishPacket("iot-2/evt/e/fmt/text", "marker", 2, 8));
  assert.equal((await application.next()).text, "once");
  assert.equal((await application.next()).text, "marker");
});

test("overlapping subscriptions of a durable session bring a command once, live and after a reconnect", async t => {
  const platform = await rig.startTestPlatform(t);
  const before = await rig.connectDevice(t, platform, DURABLE);
  await before.subscribe([COMMANDS, "iot-2/cmd/live/fmt/+", "iot-2/cmd/waiting/fmt/json"], 2);
  await send(platform, "live", 2);
  assert.deepEqual(await names(before, 1), ["live"]);
  await leave(platform, before);
  await send(platform, "waiting", 2);
  await send(platform, "marker", 2);
  const after = await rig.connectDevice(t, platform, DURABLE);
  assert.deepEqual(await names(after, 2), ["waiting", "marker"]);
});

test("a subscription given up stays given up after a reconnect", async t => {
  const platform = await rig.startTestPlatform(t);
  const before = await rig.connectDevice(t, platform, DURABLE);
  await before.subscribe(["iot-2/cmd/keep/fmt/+", "iot-2/cmd/drop/fmt/+"], 1);
  await before.mqtt.unsubscribeAsync("iot-2/cmd/drop/fmt/+");
  await leave(platform, before);
  await send(platform, "drop", 1);
  await send(platform, "keep", 1);
  const after = await rig.connectDevice(t, platform, DURABLE);
  assert.deepEqual(await names(after, 1), ["keep"]);
});

test("a SUBSCRIBE refused for one filter leaves nothing behind in the session", async t => {
  const platform = await rig.startTestPlatform(t);
  const raw = await rig.connectRaw(t, platform, DURABLE);
  raw.send(rig.subscribePacket(1, { [COMMANDS]: 1, "iot-2/#": 1 }));
  await raw.closed;
  const after = await rig.connectDevice(t, platform, DURABLE);
  assert.equal(after.sessionPresent, false);
});

test("a clean connection ends the session and what waited in it", async t => {
  const platform = await startWithAbsent(t, 1);
  await send(platform, "lost", 1);
  await leave(platform, await rig.connectDevice(t, platform, { clean: true }));

  const after = await rig.connectDevice(t, platform, DURABLE);
  assert.equal(after.sessionPresent, false);
  await after.subscribe(COMMANDS, 1);
  await send(platform, "marker", 1);
  assert.deepEqual(await names(after, 1), ["marker"]);
});

test("a takeover keeps the session: what the first connection did not acknowledge goes to the second", async t => {
  const { platform, raw: first } = await startWithRaw(t, 1);
  await send(platform, "one", 1);
  await first.next();
  const second = await rig.connectDevice(t, platform, DURABLE);
  assert.equal(second.sessionPresent, true);
  assert.deepEqual(await names(second, 1), ["one"]);
});

function packetId({ body }: rig.Frame): number {
  return body.readUInt16BE(2 + body.readUInt16BE(0));
}

function ackId({ body }: rig.Frame): number {
  return body.readUInt16BE(0);
}

test("no message gets the packet id of another one that is in flight [MQTT-2.3.1-2]", async () => {
  const stored: number[] = [];
  const persistence = {
    subscriptionsByTopic: async () => [],
    outgoingUpdate: async (_client: object, packet: { messageId: number }) => stored.push(packet.messageId),
    outgoingClearMessageId: async () => undefined,
    outgoingEnqueueCombi: async () => {},
  };
  patchStore({ persistence } as never, () => true);
  const client = { id: "d:abc123:thermo:t-01", clean: false };
  const put = (brokerCounter: number, messageId: number, cmd = "publish") =>
    persistence.outgoingUpdate(client, { cmd, brokerId: "b", brokerCounter, messageId } as { messageId: number });
  await put(1, 65535);
  await put(2, 65535); // another message
  await put(1, 65535); // the first one again
  await put(3, 65535);
  await put(4, 2, "pubrel"); // has the id of its message
  await (persistence.outgoingClearMessageId as (client: object, packet: object) => Promise<void>)(client, {
    messageId: 1,
  });
  await put(5, 1);
  assert.deepEqual(stored, [65535, 1, 65535, 2, 2, 1]);
});

test("the queue of an absent device is limited in messages: the oldest are dropped", async t => {
  const platform = await startWithAbsent(t, 2);
  for (let n = 0; n < MAX_QUEUED + 3; n++) await send(platform, `c${n}`, 1);
  assert.equal((await platform.session(rig.CLIENT_ID))?.waiting, MAX_QUEUED);
  const after = await rig.connectDevice(t, platform, DURABLE);
  assert.deepEqual(await names(after, 2), ["c3", "c4"]);
});

test("the queue of an absent device is limited in bytes, also after QoS 2 exchanges", async t => {
  const platform = await rig.startTestPlatform(t);
  const large = Buffer.alloc(131_072);
  const before = await rig.connectDevice(t, platform, DURABLE);
  await before.subscribe(COMMANDS, 2);
  for (let n = 0; n < 200; n++) {
    await platform.sendCommand(rig.CLIENT_ID, "large", large, { format: "bin", qos: 2 });
    await before.next();
  }
  await leave(platform, before);
  const fits = MAX_QUEUED_BYTES / large.length;
  for (let n = 0; n < fits + 2; n++) {
    await platform.sendCommand(rig.CLIENT_ID, `c${n}`, large, { format: "bin" });
  }
  const waiting = (await platform.session(rig.CLIENT_ID))!.waiting;
  assert.ok(waiting <= fits + 1 && waiting >= fits - 1, `${waiting} messages wait`);
});
