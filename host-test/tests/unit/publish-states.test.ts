// mqtt/session/publish-states.ts: every cell of its table, written out by hand here, and what the session does for each.

import assert from "node:assert/strict";
import { test } from "node:test";
import * as states from "../../../src/mqtt/session/publish-states.ts";
import { live, type Setup } from "../support/session-stage.ts";
import { MESSAGE_EVENTS, MESSAGE_STATES, type MessageEvent, type MessageState } from "./diagram.ts";

const { IGNORE, COMPLETE, COMPLETE_AS_QOS_1, SEND_PUBREL, PUBREL_FOR_UNKNOWN, RESEND_DUP, RESEND_NEW, PROTOCOL_ERROR } =
  states;
const ACTIONS = {
  IGNORE,
  COMPLETE,
  COMPLETE_AS_QOS_1,
  SEND_PUBREL,
  PUBREL_FOR_UNKNOWN,
  RESEND_DUP,
  RESEND_NEW,
  PROTOCOL_ERROR,
} as const;
type ActionName = keyof typeof ACTIONS;

// Columns as in MESSAGE_EVENTS: PUBACK, PUBREC, PUBCOMP, session present, session lost.
const OUTGOING = {
  NOT_IN_FLIGHT: ["IGNORE", "PUBREL_FOR_UNKNOWN", "IGNORE", "IGNORE", "IGNORE"],
  AWAITING_PUBACK: ["COMPLETE", "PROTOCOL_ERROR", "PROTOCOL_ERROR", "RESEND_DUP", "RESEND_NEW"],
  AWAITING_PUBREC: ["COMPLETE_AS_QOS_1", "SEND_PUBREL", "PROTOCOL_ERROR", "RESEND_DUP", "RESEND_NEW"],
  AWAITING_PUBCOMP: ["PROTOCOL_ERROR", "SEND_PUBREL", "COMPLETE", "SEND_PUBREL", "RESEND_NEW"],
} as const satisfies Record<MessageState, readonly ActionName[]>;

test("values of states, events and actions are distinct", () => {
  const values = Object.values(states).filter(value => typeof value === "number");
  assert.equal(values.length, 4 + 5 + 8);
  assert.equal(new Set(values).size, values.length);
});

test("a message is published into the state that awaits the first acknowledgement of its QoS", () => {
  assert.deepEqual(
    [1, 2].map(qos => states.statePublished(qos as 1 | 2)),
    [states.AWAITING_PUBACK, states.AWAITING_PUBREC],
  );
});

/** A session with one message in this state. Its packet identifier is 1; so is that of the packets below. */
function inState(name: MessageState): Setup {
  const stage = live();
  if (name !== "NOT_IN_FLIGHT") stage.send("m", 1, name === "AWAITING_PUBACK" ? 1 : 2);
  if (name === "AWAITING_PUBCOMP") stage.take("pubrec", 1);
  stage.out.said();
  return stage;
}

function happen({ session, take }: Setup, event: MessageEvent): void {
  if (event.startsWith("PUB")) return take(event.toLowerCase(), 1);
  session.disconnected();
  session.connected(event === "session present");
}

/** The state of the message, as its retransmission on another connection shows. */
function stateOf({ session, out }: Setup): MessageState {
  session.disconnected();
  session.connected(true);
  const said = out.said().join();
  if (said === "") return "NOT_IN_FLIGHT";
  if (said.startsWith("PUBREL")) return "AWAITING_PUBCOMP";
  return said.includes(" q1 ") ? "AWAITING_PUBACK" : "AWAITING_PUBREC";
}

for (const [name, actions] of Object.entries(OUTGOING) as [MessageState, readonly ActionName[]][]) {
  const qos = name === "AWAITING_PUBACK" ? 1 : 2;
  const published = qos === 1 ? "AWAITING_PUBACK" : "AWAITING_PUBREC";
  for (const [column, event] of (Object.keys(MESSAGE_EVENTS) as MessageEvent[]).entries()) {
    const action = actions[column]!;
    test(`outgoing, ${name}, ${event}: ${action}`, () => {
      assert.equal(states.outgoingAction(MESSAGE_STATES[name], MESSAGE_EVENTS[event]), ACTIONS[action]);
      const stage = inState(name);
      happen(stage, event);
      const meaning: Record<ActionName, { said: string[]; next: MessageState }> = {
        IGNORE: { said: [], next: name },
        COMPLETE: { said: ["done m"], next: "NOT_IN_FLIGHT" },
        COMPLETE_AS_QOS_1: {
          said: ["error the server answers QoS 2 with PUBACK: messages may arrive twice", "done m"],
          next: "NOT_IN_FLIGHT",
        },
        SEND_PUBREL: { said: ["PUBREL #1"], next: "AWAITING_PUBCOMP" },
        PUBREL_FOR_UNKNOWN: { said: ["PUBREL #1"], next: name },
        RESEND_DUP: { said: [`PUBLISH dup #1 q${qos} m 1`], next: name },
        RESEND_NEW: { said: [`PUBLISH #1 q${qos} m 1`], next: published },
        PROTOCOL_ERROR: {
          said: [`protocol error: unexpected ${event.toLowerCase()} for packet identifier 1`],
          next: name,
        },
      };
      assert.deepEqual({ said: stage.out.said(), next: stateOf(stage) }, meaning[action]);
    });
  }
}
