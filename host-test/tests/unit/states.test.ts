// mqtt/states.ts: every (state, event) pair, written out by hand beside the table it checks.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import * as states from "../../../src/mqtt/states.ts";
import { EVENT_NAMES, EVENTS, incomingDiagram, outgoingDiagram, STATES, stateDiagram } from "./diagram.ts";

const { nextState, STATE_NAMES } = states;

// From each state: the events that lead somewhere else. Every other event leaves it as it is.
const LEADS: Record<string, Record<string, string>> = {
  idle: { connect: "opening" },
  opening: { opened: "awaiting-connack", refused: "idle", lost: "reconnect-wait", disconnect: "idle" },
  "awaiting-connack": { accepted: "connected", refused: "idle", lost: "reconnect-wait", disconnect: "idle" },
  connected: { lost: "reconnect-wait", disconnect: "disconnecting" },
  disconnecting: { connect: "connected", lost: "idle", finished: "idle" },
  "reconnect-wait": { retry: "opening", disconnect: "idle" },
};

test("there are six states and eight events, each with a value of its own, and each state with a name", () => {
  assert.deepEqual([...STATE_NAMES].sort(), Object.keys(LEADS).sort());
  const values = Object.values(states).filter(value => typeof value === "number");
  assert.deepEqual([values.length, new Set(values).size], [14, 14]);
});

test("names are those of the values", () => {
  const { IDLE, OPENING, AWAITING_CONNACK, CONNECTED, DISCONNECTING, RECONNECT_WAIT } = states;
  const named = [IDLE, OPENING, AWAITING_CONNACK, CONNECTED, DISCONNECTING, RECONNECT_WAIT].map(
    state => STATE_NAMES[state],
  );
  assert.deepEqual(named, ["idle", "opening", "awaiting-connack", "connected", "disconnecting", "reconnect-wait"]);
  const { CONNECT, OPENED, ACCEPTED, REFUSED, LOST, RETRY, DISCONNECT, FINISHED } = states;
  assert.deepEqual(EVENTS, [CONNECT, OPENED, ACCEPTED, REFUSED, LOST, RETRY, DISCONNECT, FINISHED]);
});

for (const state of STATES) {
  const name = STATE_NAMES[state]!;
  for (const [index, event] of EVENTS.entries()) {
    const expected = LEADS[name]![EVENT_NAMES[index]!] ?? name;
    test(`${name}, ${EVENT_NAMES[index]}: ${expected}`, () => {
      assert.equal(STATE_NAMES[nextState(state, event)], expected);
    });
  }
}

test("every state can be reached from idle, and idle from every state", () => {
  const reached = (from: states.State) => {
    const seen = [from];
    for (const state of seen) {
      for (const event of EVENTS) {
        const next = nextState(state, event);
        if (!seen.includes(next)) seen.push(next);
      }
    }
    return seen.length;
  };
  for (const state of STATES) assert.equal(reached(state), STATE_NAMES.length);
});

test("the diagrams in docs/session.md are those printed from the tables", () => {
  const page = readFileSync(new URL("../../../docs/session.md", import.meta.url), "utf8");
  const shown = [...page.matchAll(/```mermaid\n([\s\S]*?)\n```/g)].map(match => match[1]);
  assert.deepEqual(shown, [stateDiagram(), outgoingDiagram(1), outgoingDiagram(2), incomingDiagram()]);
});
