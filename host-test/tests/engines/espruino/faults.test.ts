// What Espruino's own MQTT module gets wrong (docs/protocol.md 9.2), tried with ours in the engine, against a server whose
// every byte the test writes.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { after, before, describe, test } from "node:test";
import { espruinoModule } from "../../../../targets/espruino/build/lower.ts";
import { joined } from "../../../harness/testing/bytes.ts";
import * as frames from "../../../harness/testing/frames.ts";
import { told } from "../../../harness/testing/packets.ts";
import { Inbox } from "../../support/inbox.ts";
import { type Listening, listen } from "../../support/listen.ts";
import { type ClientPacket, Witness } from "../../support/witness.ts";
import { Espruino, withoutEspruino } from "./engine.ts";

/** One connection of the engine to the test. */
class Peer {
  readonly packets = new Inbox<ClientPacket>();
  readonly gone: Promise<unknown>;
  readonly socket: Socket;

  constructor(socket: Socket) {
    this.socket = socket;
    const witness = new Witness();
    socket.on("data", bytes => {
      for (const packet of witness.read(bytes)) this.packets.push(packet);
    });
    this.gone = once(socket, "close");
  }

  /** The next packet, as one line. */
  async next(): Promise<string> {
    return told(await this.packets.next());
  }

  send(...packets: Uint8Array[]): void {
    this.socket.write(joined(packets));
  }
}

describe("faults of Espruino's own module that ours does not have", {
  skip: withoutEspruino(),
  timeout: 60_000,
}, () => {
  let server: Listening;
  let engine: Espruino;
  const peers = new Inbox<Peer>();
  const told = new Inbox<unknown>();

  before(async () => {
    server = await listen(createServer(socket => peers.push(new Peer(socket))));
    const calls = { told: (value: unknown) => told.push(value) };
    engine = await Espruino.start({ files: { iotf: await espruinoModule() }, calls });
    await engine.evaluate(`functions.make = function(more) {
      var options = Object.assign({
        endpoint: { host: "127.0.0.1", port: ${server.port} }, clientId: "c"
      }, more);
      var client = new (require("iotf").MqttClient)(options);
      client.connectedCallback = function(present) { call("told", "connected " + present); };
      client.disconnectedCallback = function(reason, retryMs) {
        call("told", (reason ? reason.code : "left") + (retryMs < 0 ? ", for good" : ", retries"));
      };
      client.messageCallback = function(it) {
        call("told", "message q" + it.qos + " " + it.topic + " " + E.toString(it.payload));
      };
      client.errorCallback = function(error) { call("told", "error " + error.message); };
      functions.client = client;
      client.connect();
    }`);
  });
  after(async () => {
    await engine?.close();
    server?.close();
  });

  /** A client that is connected, and the far end of its connection. */
  async function connected(options: object = {}): Promise<Peer> {
    await engine.invoke("make", options);
    const peer = await peers.next();
    await peer.packets.next();
    peer.send(frames.connack(0));
    assert.equal(await told.next(), "connected false");
    return peer;
  }

  async function leave(peer: Peer): Promise<void> {
    await engine.evaluate("functions.client.disconnect()");
    peer.socket.resume();
    assert.equal(await told.next(), "left, for good");
    await peer.gone;
  }

  test("a refused CONNECT is a refusal, not a connection", async () => {
    await engine.invoke("make", { username: "use-token-auth", password: "wrong" });
    const peer = await peers.next();
    await peer.packets.next();
    peer.send(frames.connack(5));
    assert.equal(await told.next(), "refused, for good");
  });

  test("a session can be durable, and a will be set", async () => {
    await engine.invoke("make", {
      clean: false,
      will: { topic: "gone", payload: "bye", qos: 1, retain: false },
    });
    const peer = await peers.next();
    const connect = await peer.packets.next();
    assert.equal(connect.clean, false);
    assert.deepEqual([connect.will!.topic, String(connect.will!.payload)], ["gone", "bye"]);
    peer.send(frames.connack(0, true));
    assert.equal(await told.next(), "connected true");
    await leave(peer);
  });

  test("text beyond ASCII is counted in bytes: the packets behind it are whole", async () => {
    const peer = await connected();
    await engine.evaluate(`(function() {
      var text = "gr\\xfc\\xdfe";
      functions.client.publish(text, E.toUint8Array("1"), 0);
      functions.client.publish("next", E.toUint8Array("2"), 0);
    })()`);
    assert.equal(await peer.next(), "PUBLISH q0 grüße 1");
    assert.equal(await peer.next(), "PUBLISH q0 next 2");
    await leave(peer);
  });

  test("what was not confirmed is sent again on the next connection; QoS 2 from PUBREL on", async () => {
    let peer = await connected({ clean: false });
    await engine.evaluate(`(function() {
      functions.client.publish("a", E.toUint8Array("1"), 1, false, function() { call("told", "done 1"); });
      functions.client.publish("b", E.toUint8Array("2"), 2, false, function() { call("told", "done 2"); });
    })()`);
    const first = (await peer.packets.next()).messageId!;
    const second = (await peer.packets.next()).messageId!;
    peer.send(frames.pubrec(second));
    assert.equal(await peer.next(), `PUBREL #${second}`);
    peer.socket.destroy();
    assert.equal(await told.next(), "closed, retries");
    peer = await peers.next();
    await peer.packets.next();
    peer.send(frames.connack(0, true));
    assert.equal(await told.next(), "connected true");
    assert.equal(await peer.next(), `PUBLISH #${first} q1 dup a 1`);
    assert.equal(await peer.next(), `PUBREL #${second}`);
    peer.send(frames.puback(first), frames.pubcomp(second));
    assert.equal(await told.next(), "done 1");
    assert.equal(await told.next(), "done 2");
    await leave(peer);
  });

  test("a QoS 2 message that comes twice is delivered once; each QoS is acknowledged as it must be", async () => {
    const peer = await connected();
    peer.send(
      frames.publish("t", "once", { qos: 2, id: 7 }),
      frames.publish("t", "once", { qos: 2, id: 7, dup: true }),
    );
    peer.send(frames.publish("t", "more", { qos: 1, id: 8 }));
    assert.equal(await told.next(), "message q2 t once");
    assert.equal(await told.next(), "message q1 t more");
    assert.deepEqual(
      [await peer.next(), await peer.next(), await peer.next()],
      ["PUBREC #7", "PUBREC #7", "PUBACK #8"],
    );
    peer.send(frames.pubrel(7));
    assert.equal(await peer.next(), "PUBCOMP #7");
    await leave(peer);
  });

  test("packets that come cut anywhere, or many in one piece, are taken for what they are", async () => {
    const peer = await connected();
    const bytes = joined([frames.publish("t", "1"), frames.publish("t", "2"), frames.publish("t", "3")]);
    for (const byte of bytes) {
      await new Promise(resolve => peer.socket.write(Uint8Array.of(byte), resolve));
    }
    peer.send(bytes);
    for (const text of ["1", "2", "3", "1", "2", "3"]) assert.equal(await told.next(), `message q0 t ${text}`);
    await leave(peer);
  });

  test("a refused subscription is told", async () => {
    const peer = await connected();
    await engine.evaluate(`functions.client.subscribe([{ topic: "secret/#", qos: 1 }], function(error, granted) {
      call("told", "granted " + granted);
    })`);
    const { messageId, cmd } = await peer.packets.next();
    assert.equal(cmd, "subscribe");
    peer.send(frames.suback(messageId!, 128));
    assert.equal(await told.next(), "granted 128");
    await leave(peer);
  });

  test("a server that answers no PINGREQ is given up, and connected to again", async () => {
    const peer = await connected({ keepAlive: 1 });
    assert.equal(await peer.next(), "PINGREQ");
    assert.equal(await told.next(), "timeout, retries");
    await peer.gone;
    const again = await peers.next();
    await again.packets.next();
    again.send(frames.connack(0));
    assert.equal(await told.next(), "connected false");
    await leave(again);
  });

  test("nobody listens: it tries again", async () => {
    await engine.invoke("make", { endpoint: { host: "127.0.0.1", port: 1 } });
    assert.equal(await told.next(), "unreachable, retries");
    await engine.evaluate("functions.client.disconnect()");
    assert.equal(await told.next(), "left, for good");
  });

  test("TLS, which checks nobody here, is refused unless it is asked for by name", async () => {
    await engine.invoke("make", { endpoint: { host: "127.0.0.1", port: 8883, tls: {} } });
    assert.equal(await told.next(), "configuration, for good");
  });
});
