// session/flows.ts: every cell of its tables, written out by hand beside them, and what the session does for each.

import assert from "node:assert/strict";
import { test } from "node:test";
import * as flows from "../../src/session/flows.ts";
import { live, type Setup } from "../support/session-stage.ts";
import { ARRIVALS, HAPPENINGS } from "./diagram.ts";

type OutgoingAct = "ignore" | "finish" | "release" | "answer" | "repeat" | "restart" | "refuse";
type IncomingAct = "deliver" | "record" | "complete";

// Columns as HAPPENINGS says: PUBACK, PUBREC, PUBCOMP, resumed, renewed.
const OUTGOING: Record<string, { row: number; acts: OutgoingAct[] }> = {
  queued: { row: flows.QUEUED, acts: ["ignore", "answer", "ignore", "ignore", "ignore"] },
  "sent at QoS 1": { row: flows.SENT_1, acts: ["finish", "refuse", "refuse", "repeat", "restart"] },
  "sent at QoS 2": { row: flows.SENT_2, acts: ["refuse", "release", "refuse", "repeat", "restart"] },
  released: { row: flows.RELEASED, acts: ["refuse", "release", "finish", "release", "restart"] },
};
const INCOMING: Record<string, { row: number; acts: IncomingAct[] }> = {
  fresh: { row: flows.FRESH, acts: ["deliver", "complete"] },
  held: { row: flows.HELD, acts: ["record", "complete"] },
};
const NUMBERS: Record<OutgoingAct | IncomingAct, number> = {
  ignore: flows.IGNORE,
  finish: flows.FINISH,
  release: flows.RELEASE,
  answer: flows.ANSWER,
  repeat: flows.REPEAT,
  restart: flows.RESTART,
  refuse: flows.REFUSE,
  deliver: flows.DELIVER,
  record: flows.RECORD,
  complete: flows.COMPLETE,
};

test("the tables have these rows and columns and no others, and cannot be changed", () => {
  assert.deepEqual(
    flows.OUTGOING,
    Object.values(OUTGOING).map(({ acts }) => acts.map(act => NUMBERS[act])),
  );
  assert.deepEqual(
    flows.INCOMING,
    Object.values(INCOMING).map(({ acts }) => acts.map(act => NUMBERS[act])),
  );
  for (const table of [flows.OUTGOING, flows.INCOMING]) assert.ok([table, ...table].every(Object.isFrozen));
  assert.deepEqual(
    HAPPENINGS.map((_, column) => column),
    [flows.PUBACK, flows.PUBREC, flows.PUBCOMP, flows.RESUMED, flows.RENEWED],
  );
  assert.deepEqual(
    ARRIVALS.map((_, column) => column),
    [flows.PUBLISH, flows.PUBREL],
  );
});

/** A session with one message where the row says; its packet id is 1, as is that of none. */
function at(name: string): Setup {
  const made = live();
  if (name !== "queued") made.send("m", 1, name === "sent at QoS 1" ? 1 : 2);
  if (name === "released") made.take("pubrec", 1);
  made.out.said();
  return made;
}

function happen({ session, take }: Setup, happening: string): void {
  if (happening.startsWith("PUB")) return take(happening.toLowerCase(), 1);
  session.lost();
  session.accepted(happening === "resumed");
}

/** Where the message is: what a connection more makes the session say of it. */
function place({ session, out }: Setup): string {
  session.lost();
  session.accepted(true);
  const said = out.said().join();
  return said === "" ? "queued" : said.startsWith("PUBREL") ? "released" : `sent at QoS ${/q(.)/.exec(said)![1]}`;
}

for (const [name, { acts }] of Object.entries(OUTGOING)) {
  const qos = name === "sent at QoS 1" ? 1 : 2;
  for (const [column, act] of acts.entries()) {
    const happening = HAPPENINGS[column]!;
    test(`outgoing, ${name}, ${happening}: ${act}`, () => {
      const made = at(name);
      happen(made, happening);
      const meaning: Record<OutgoingAct, { said: string[]; next: string }> = {
        ignore: { said: [], next: name },
        finish: { said: ["done m"], next: "queued" },
        release: { said: ["PUBREL #1"], next: "released" },
        answer: { said: ["PUBREL #1"], next: name },
        repeat: { said: [`PUBLISH dup #1 q${qos} m 1`], next: name },
        restart: { said: [`PUBLISH #1 q${qos} m 1`], next: `sent at QoS ${qos}` },
        refuse: { said: [`violation: ${happening} out of turn for packet id 1`], next: name },
      };
      assert.deepEqual({ said: made.out.said(), next: place(made) }, meaning[act]);
    });
  }
}

for (const [name, { acts }] of Object.entries(INCOMING)) {
  for (const [column, act] of acts.entries()) {
    test(`incoming, ${name}, ${ARRIVALS[column]}: ${act}`, () => {
      const { out, take } = live();
      const publish = () => take("publish", 1, { qos: 2, topic: "t" });
      if (name === "held") publish();
      out.said();
      if (column === flows.PUBLISH) publish();
      else take("pubrel", 1);
      const meaning: Record<IncomingAct, string[]> = {
        deliver: ["message t #1", "PUBREC #1"],
        record: ["PUBREC #1"],
        complete: ["PUBCOMP #1"],
      };
      assert.deepEqual(out.said(), meaning[act]);
      // Held by now, or free for another message.
      publish();
      assert.deepEqual(out.said(), act === "complete" ? meaning.deliver : meaning.record);
    });
  }
}

test("incoming: a server that lost its session holds nothing any more", () => {
  const { session, out, take } = live();
  take("publish", 1, { qos: 2, topic: "t" });
  session.lost();
  session.accepted(false);
  out.said();
  take("publish", 1, { qos: 2, topic: "t" });
  assert.deepEqual(out.said(), ["message t #1", "PUBREC #1"]);
});
