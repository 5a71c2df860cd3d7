// The witness of the fault runs: that it charges a sender with what the sender did, and that Mosquitto does it. Should a
// newer Mosquitto send PUBREL here, as it must, this test goes on to hold; the witness then has nothing to say.

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";
import { publish, pubrec, pubrel } from "../../harness/testing/frames.ts";
import { Mosquitto, withoutMosquitto } from "../end-to-end/broker/mosquitto.ts";
import { connectPacket, subscribePacket } from "../harness/platform/testing.ts";
import { listener, type Spoken, Witness } from "./journal.ts";

const published = (messageId: number, payload: string): Spoken => ({ cmd: "publish", qos: 2, messageId, payload });
const released = (messageId: number): Spoken => ({ cmd: "pubrel", messageId });

test("sent again before PUBREL, or another message under the same id: nobody is to blame", () => {
  const witness = new Witness();
  const said = [published(1, "a"), published(1, "a"), released(1), released(1), published(1, "b"), released(1)];
  assert.deepEqual(
    said.map(packet => witness.heard(packet)),
    [false, false, true, false, false, true],
  );
  assert.deepEqual([...witness.again], []);
});

test("published again after PUBREL: the sender's fault, under whatever id", () => {
  const witness = new Witness();
  const said = [published(1, "a"), published(2, "b"), released(1), published(7, "a"), published(2, "b")];
  for (const packet of said) witness.heard(packet);
  assert.deepEqual([...witness.again], ["a"]);
});

/** One connection with a durable session, seen by a witness. */
class Talk {
  private readonly socket;
  private readonly heard: Spoken[] = [];

  private constructor(port: number, witness: Witness) {
    this.socket = connect(port, "127.0.0.1");
    const hear = listener(packet => {
      witness.heard(packet);
      this.heard.push(packet);
      this.socket.emit("packet");
    });
    this.socket.on("data", hear).on("error", () => {});
  }

  static async open(port: number, witness = new Witness()): Promise<Talk> {
    const talk = new Talk(port, witness);
    await once(talk.socket, "connect");
    return talk;
  }

  say(packet: Uint8Array): void {
    this.socket.write(packet);
  }

  /** CONNECT for a durable session. */
  greet(clientId: string): void {
    this.say(connectPacket({ clientId, user: null, password: null, clean: false, keepAliveSec: 60 }));
  }

  async next(): Promise<Spoken> {
    while (!this.heard.length) await once(this.socket, "packet");
    return this.heard.shift()!;
  }

  async hangUp(): Promise<void> {
    this.socket.destroy();
    await once(this.socket, "close");
  }
}

test("Mosquitto: PUBREL sent, a connection that ends with CONNECT, and it publishes again what it has released", {
  skip: withoutMosquitto(),
}, async t => {
  const broker = await Mosquitto.start();
  const witness = new Witness();
  const gone = (times: number) => broker.logged(new RegExp(`(Client device (closed|disconnected)[^]*){${times}}`));
  try {
    const first = await Talk.open(broker.port, witness);
    first.greet("device");
    first.say(subscribePacket(1, { t: 2 }));
    for (const answer of ["connack", "suback"]) assert.equal((await first.next()).cmd, answer);

    const application = await Talk.open(broker.port);
    application.greet("application");
    assert.equal((await application.next()).cmd, "connack");
    for (const [at, payload] of ["a", "b", "c"].entries()) {
      application.say(publish("t", payload, { qos: 2, id: at + 1 }));
      assert.equal((await application.next()).cmd, "pubrec");
      application.say(pubrel(at + 1));
      assert.equal((await application.next()).cmd, "pubcomp");
      first.say(pubrec((await first.next()).messageId!));
      assert.equal((await first.next()).cmd, "pubrel");
    }
    await first.hangUp();
    await gone(1);

    // While it stands still, so that its first answer finds nobody.
    const second = await Talk.open(broker.port);
    process.kill(broker.pid, "SIGSTOP");
    second.greet("device");
    await second.hangUp();
    process.kill(broker.pid, "SIGCONT");
    await gone(2);

    const third = await Talk.open(broker.port, witness);
    third.greet("device");
    const { sessionPresent } = await third.next();
    const resent = [await third.next(), await third.next(), await third.next()];
    assert.equal(sessionPresent, true);
    const again = resent.filter(packet => packet.cmd === "publish").map(packet => String(packet.payload));
    assert.ok(resent.every(packet => packet.cmd === "pubrel" || (packet.cmd === "publish" && packet.dup)));
    assert.deepEqual([...witness.again], again);
    t.diagnostic(`published after PUBREL: ${again.join(", ") || "nothing"}`);
    await third.hangUp();
    await application.hangUp();
  } finally {
    await broker.close();
  }
});
