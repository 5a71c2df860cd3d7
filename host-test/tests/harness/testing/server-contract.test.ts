// The platform of users' tests against the local platform, which is a real broker: what both say to the same bytes must be
// the same, packet by packet. Else a program that passes its tests would meet another server in the field.

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectSocket, type Socket } from "node:net";
import { test } from "node:test";
import type { Transport } from "../../../../dist/node.js";
import { testDevice } from "../../../../dist/testing.js";
import type { Platform } from "../../../harness/platform/platform.ts";
import { frame } from "../../../harness/testing/frames.ts";
import { PacketStream, type SentPacket, told } from "../../../harness/testing/packets.ts";
import {
  ackPacket,
  CLIENT_ID,
  connectPacket,
  DEVICE,
  DISCONNECT,
  publishPacket,
  startTestPlatform,
  subscribePacket,
  TYPE,
} from "../platform/testing.ts";

const EVENT = "iot-2/evt/status/fmt/json";
const COMMANDS = "iot-2/cmd/+/fmt/+";
const PINGREQ = frame(0xc0);

/** A server, and one device that speaks bytes. */
interface Side {
  /** A new connection. */
  open(): Promise<void>;
  /** The connection breaks. */
  drop(): Promise<void>;
  /** Sends bytes; what the server said to them, a line each, and "closed" when it ended the connection. */
  say(...bytes: Uint8Array[]): Promise<string[]>;
  /** The server has a command for the device; what it says at once if it is connected. */
  command(name: string, qos: 0 | 1 | 2): Promise<string[]>;
}

type Step = (side: Side) => Promise<string[]>;

const say =
  (...bytes: Uint8Array[]): Step =>
  side =>
    side.say(...bytes);
const command =
  (name: string, qos: 0 | 1 | 2): Step =>
  side =>
    side.command(name, qos);
const again: Step = async side => {
  await side.drop();
  await side.open();
  return [];
};
const durable = connectPacket({ clean: false });
const pubrel = (id: number) => ackPacket(TYPE.pubrel, id);

const SCRIPTS: Record<string, Step[]> = {
  "events of QoS 0, 1 and 2, once and again": [
    say(connectPacket()),
    say(publishPacket(EVENT, "{}", 0)),
    say(publishPacket(EVENT, "{}", 1, 7)),
    say(publishPacket(EVENT, "{}", 2, 8)),
    say(publishPacket(EVENT, "{}", 2, 8)),
    say(pubrel(8)),
    say(pubrel(8)),
  ],
  "subscriptions come and go": [
    say(connectPacket()),
    say(subscribePacket(1, { [COMMANDS]: 1 })),
    command("one", 2),
    say(frame(0xa2, Buffer.from([0, 2, 0, COMMANDS.length]), Buffer.from(COMMANDS))),
  ],
  "commands wait for a durable session, and come again until confirmed": [
    say(durable),
    say(subscribePacket(1, { [COMMANDS]: 1 })),
    again,
    command("waiting", 1),
    say(durable),
    again,
    say(durable),
    say(DISCONNECT),
    again,
    say(connectPacket()),
    again,
    say(durable),
  ],
  "a topic that is not a device's": [say(connectPacket()), say(publishPacket("home/kitchen", "1", 0))],
  "a filter that is not a device's": [say(connectPacket()), say(subscribePacket(1, { "#": 0 }))],
  "an event with a wildcard": [say(connectPacket()), say(publishPacket("iot-2/evt/+/fmt/json", "1", 0))],
  "CONNECT twice": [say(connectPacket()), say(connectPacket())],
  "no CONNECT at all": [say(publishPacket(EVENT, "{}", 0))],
};

/** Ids that a server chooses are its own affair; and aedes does not set DUP, as the harness does [MQTT-3.3.1-1]. */
function line(one: SentPacket): string {
  return one.cmd === "publish" ? told({ ...one, dup: false }).replace(/#\d+ /, "") : told(one);
}

async function play(side: Side, steps: readonly Step[]): Promise<string[][]> {
  await side.open();
  const heard: string[][] = [];
  for (const step of steps) heard.push(await step(side));
  await side.drop();
  return heard;
}

/** The harness: a program that is nothing but a connection. */
function harness(): Side {
  let heard: string[] = [];
  let first: readonly Uint8Array[] | undefined;
  const t = testDevice(({ ports }) => () => {
    const stream = new PacketStream();
    const transport = ports.open(
      { host: "platform.test", port: 1883 },
      {
        opened: () => write(transport, first!),
        received: bytes => void heard.push(...stream.read(bytes).map(line)),
        writableAgain() {},
        closed: () => void heard.push("closed"),
      },
    );
    return transport;
  });
  let transport: ReturnType<(typeof t)["program"]>;
  return {
    async open() {
      transport = t.run(t.program);
      first = undefined;
    },
    async drop() {
      t.link.ends("ECONNRESET");
      heard = [];
    },
    async say(...bytes) {
      if (first) t.run(() => write(transport, bytes));
      else {
        first = bytes;
        t.platform.accept();
      }
      return heard.splice(0);
    },
    async command(name, qos) {
      t.platform.sendCommand(name, {}, { qos });
      return heard.splice(0);
    },
  };
}

function write(transport: Transport, parts: readonly Uint8Array[]): void {
  for (const one of parts) transport.write(one);
}

/** The local platform. What it says is complete when it has answered PINGREQ. */
function local(platform: Platform): Side {
  let socket: Socket;
  let stream: PacketStream;
  let heard: string[] = [];
  let greeted = false;
  const settled = async () => {
    if (!socket.closed) socket.write(PINGREQ);
    while (!socket.closed && !heard.includes("PINGRESP")) {
      // PINGREQ may reach a platform that has closed, which resets the connection: closed, too.
      await Promise.race([once(socket, "data"), once(socket, "close")]).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== "ECONNRESET" && error.code !== "EPIPE") throw error;
      });
    }
    if (heard.includes("CONNACK 0") || heard.includes("CONNACK 0 session present")) greeted = true;
    const all = heard.filter(one => one !== "PINGRESP");
    if (socket.closed) all.push("closed");
    heard = [];
    return all;
  };
  return {
    async open() {
      stream = new PacketStream();
      greeted = false;
      socket = connectSocket(platform.port, "127.0.0.1");
      socket.on("error", () => {});
      socket.on("data", bytes => heard.push(...stream.read(bytes).map(line)));
      await once(socket, "connect");
    },
    async drop() {
      const noticed = greeted && !socket.closed ? once(platform, "disconnect") : undefined;
      socket.destroy();
      await noticed;
      heard = [];
    },
    async say(...bytes) {
      for (const one of bytes) socket.write(one);
      return settled();
    },
    async command(name, qos) {
      await platform.sendToDevice(CLIENT_ID, `iot-2/cmd/${name}/fmt/json`, "{}", qos);
      return greeted ? settled() : [];
    },
  };
}

for (const [name, steps] of Object.entries(SCRIPTS)) {
  test(`${name}: as the local platform`, { timeout: 30_000 }, async t => {
    const platform = await startTestPlatform(t, { devices: [DEVICE] });
    const real = await play(local(platform), steps);
    assert.deepEqual(await play(harness(), steps), real);
    assert.ok(real.flat().length > 0);
  });
}
