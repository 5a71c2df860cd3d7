// A device with two hosts, each a local platform with a broker of its own, of which one is closed: on Node and in XS, with
// the bundle that is flashed.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { type Platform, startPlatform } from "../../../harness/platform/platform.ts";
import { ENGINES, type Engine, startEngine } from "../../engines/engines.ts";
import { CLIENT_ID, DEVICE } from "../../harness/platform/testing.ts";
import { IDENTITY } from "../../support/identity.ts";
import { deviceInbox } from "../../support/inbox.ts";

const SUBJECT = fileURLToPath(new URL("subject.js", import.meta.url));
/** Both are this PC, so that both platforms can have the same port. */
const HOSTS = ["127.0.0.2", "127.0.0.1"];

for (const name of ENGINES) {
  describe(`two hosts, device on ${name}`, { timeout: 60_000 }, () => {
    const { told, calls } = deviceInbox();
    let port = 0;
    let engine: Engine;
    const platforms: Platform[] = [];

    before(async () => {
      for (const host of HOSTS) {
        const platform = await startPlatform({ devices: [DEVICE], host, port });
        platforms.push(platform);
        port = platform.port;
      }
      engine = await startEngine(name, SUBJECT, { ...IDENTITY, host: HOSTS, port, tls: false }, calls);
    });

    after(async () => {
      await engine?.invoke("disconnect"); // otherwise the client on Node reconnects for ever
      await engine?.close();
      await platforms[1]?.close();
    });

    test("it connects to the first, and to the second when the first is closed; no event is lost or doubled", async () => {
      const arrived = platforms.map(platform => {
        const events: unknown[] = [];
        platform.on("event", ({ payload }) => events.push(JSON.parse(String(payload))));
        return events;
      });
      await engine.invoke("connect");
      assert.deepEqual(await told.next(), ["connected", undefined]);
      await engine.invoke("publish", { event: "e", data: 1, qos: 1 });
      await platforms[0]!.close();
      const lost = (await told.next()) as [string, { code: string }];
      assert.deepEqual([lost[0], lost[1].code], ["disconnected", "closed"]);
      const waiting = [2, 3].map(data => engine.invoke("publish", { event: "e", data, qos: data - 1 }));
      // First the host that worked, then the other one.
      const failed = (await told.next()) as [string, { message: string }];
      assert.match(failed[1].message, /^cannot reach 127\.0\.0\.2:\d+/);
      assert.deepEqual(await told.next(), ["connected", undefined]);
      await Promise.all(waiting);
      // MQTT keeps no order between messages of different QoS.
      const sorted = arrived.map(events => events.sort());
      assert.deepEqual(sorted, [[1], [2, 3]]);
    });

    test("it stays with the second when that one cuts the connection", async () => {
      await platforms[1]!.disconnectDevice(CLIENT_ID);
      const [what] = await told.next();
      assert.equal(what, "disconnected");
      assert.deepEqual(await told.next(), ["connected", undefined]);
      await engine.invoke("publish", { event: "e", data: 4, qos: 1 });
    });
  });
}
