// mqtt/session/acknowledgements.ts: acknowledgements that find no room wait in order, at most 64.

import assert from "node:assert/strict";
import { test } from "node:test";
import { WaitingAcknowledgements } from "../../../src/mqtt/session/acknowledgements.ts";
import { live, Recorder, type Setup } from "../support/session-stage.ts";

/** Lets nothing leave, not even control packets. */
function block(out: Recorder): void {
  out.room = 0;
  out.control = 0;
}

function sixtyFour(cmd: string): string[] {
  return Array.from({ length: 64 }, (_, n) => `${cmd} #${n + 1}`);
}

test("the bound is 64 acknowledgements, exactly: the next one is refused with the reason", () => {
  const out = new Recorder();
  block(out);
  const waiting = new WaitingAcknowledgements();
  for (let id = 1; id <= 64; id++) assert.equal(waiting.add("pubrec", id), "", `${id}`);
  assert.equal(waiting.add("pubrec", 65), "64 acknowledgements wait for the network");
  assert.equal(waiting.pump(out.encoder), false);
  out.room = 100;
  assert.equal(waiting.pump(out.encoder), true);
  assert.deepEqual(out.said(), sixtyFour("PUBREC"));
});

test("PINGREQ leaves behind the acknowledgements, once, however often it was asked for", () => {
  const { session, out, take } = live();
  block(out);
  take("publish", 1, { qos: 1, topic: "t" });
  session.ping();
  session.ping();
  assert.deepEqual(out.said(), ["message t #1"]);
  out.room = 1;
  session.pump();
  assert.deepEqual(out.said(), ["PUBACK #1"]);
  out.room = 9;
  session.pump();
  session.pump();
  assert.deepEqual(out.said(), ["PINGREQ"]);
});

test("the end of a connection forgets acknowledgements and PINGREQ", () => {
  const { session, out, take } = live();
  block(out);
  take("publish", 1, { qos: 1, topic: "t" });
  session.ping();
  session.disconnected();
  out.room = 9;
  out.said();
  session.connected(true);
  assert.deepEqual(out.said(), []);
});

test("in a session: 64 wait in order; the next one ends the connection", () => {
  const { out, take, session } = live();
  block(out);
  for (let id = 1; id <= 64; id++) take("publish", id, { qos: 1, topic: "t" });
  assert.ok(!out.said().some(line => line.startsWith("protocol error")));
  take("publish", 65, { qos: 1, topic: "t" });
  assert.deepEqual(out.said(), ["message t #65", "protocol error: 64 acknowledgements wait for the network"]);
  out.room = 100;
  session.pump();
  assert.deepEqual(out.said(), sixtyFour("PUBACK"));
});

test("PUBRELs leave in the order their PUBRECs came, also when they have to wait [MQTT-4.6.0-4]", () => {
  const { session, out, send, take } = live();
  for (const name of ["a", "b", "c"]) send(name, 1, 2);
  out.said();
  out.room = 0;
  out.control = 1;
  for (const id of [2, 3, 1]) take("pubrec", id);
  out.room = 9;
  session.pump();
  assert.deepEqual(out.said(), ["PUBREL #2", "PUBREL #3", "PUBREL #1"]);
});

test("an acknowledgement does not overtake one that waits, though there is room by now", () => {
  const { session, out, take } = live();
  block(out);
  take("publish", 1, { qos: 1, topic: "t" });
  out.room = 9;
  take("publish", 2, { qos: 1, topic: "t" });
  session.pump();
  assert.deepEqual(
    out.said().filter(line => line.startsWith("PUBACK")),
    ["PUBACK #1", "PUBACK #2"],
  );
});

for (const [what, wait] of [
  ["PINGREQ", ({ session }: Setup) => session.ping()],
  ["an acknowledgement", ({ take }: Setup) => take("publish", 100, { qos: 1, topic: "t" })],
] as const) {
  test(`with room again, acknowledgements leave at once, also behind ${what} that waited`, () => {
    const stage = live();
    const { out, take } = stage;
    block(out);
    wait(stage);
    out.said();
    out.room = 100;
    for (let id = 1; id <= 65; id++) take("publish", id, { qos: 1, topic: "t" });
    const said = out.said().filter(line => !line.startsWith("message"));
    assert.deepEqual(
      said.slice(1),
      Array.from({ length: 65 }, (_, n) => `PUBACK #${n + 1}`),
    );
  });
}

test("a connection that ends while a message is delivered: its acknowledgement is not sent on the next one", () => {
  const { session, out, take } = live();
  out.onMessage = () => session.disconnected();
  take("publish", 1, { qos: 1, topic: "t" });
  session.connected(true);
  assert.deepEqual(out.said(), ["message t #1"]);
});
