// session/states.ts: every (state, event) pair, written out by hand beside the table it checks.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { EVENT_NAMES, type Event, next, STATE_NAMES, type State } from "../../src/session/states.ts";
import { incomingDiagram, outgoingDiagram, stateDiagram } from "./diagram.ts";

// From each state: the events that lead somewhere else. Every other event leaves it as it is.
const LEADS: Record<string, Record<string, string>> = {
  idle: { connect: "opening" },
  opening: { opened: "greeting", refused: "idle", lost: "waiting", disconnect: "idle" },
  greeting: { accepted: "connected", refused: "idle", lost: "waiting", disconnect: "idle" },
  connected: { lost: "waiting", disconnect: "leaving" },
  leaving: { connect: "connected", lost: "idle", left: "idle" },
  waiting: { connect: "opening", retry: "opening", disconnect: "idle" },
};

test("there are six states and eight events, each with a name of its own", () => {
  assert.deepEqual([...STATE_NAMES].sort(), Object.keys(LEADS).sort());
  assert.equal(new Set(EVENT_NAMES).size, 8);
});

for (const [state, name] of STATE_NAMES.entries()) {
  for (const [event, happened] of EVENT_NAMES.entries()) {
    const expected = LEADS[name]![happened] ?? name;
    test(`${name}, ${happened}: ${expected}`, () => {
      assert.equal(STATE_NAMES[next(state as State, event as Event)], expected);
    });
  }
}

test("every state can be reached from idle, and idle from every state", () => {
  const reached = (from: number) => {
    const seen = [from];
    for (const state of seen) {
      for (let event = 0; event < EVENT_NAMES.length; event++) {
        const to = next(state as State, event as Event);
        if (!seen.includes(to)) seen.push(to);
      }
    }
    return seen.length;
  };
  for (let state = 0; state < STATE_NAMES.length; state++) assert.equal(reached(state), STATE_NAMES.length);
});

test("the diagrams in docs/session.md are those printed from the tables", () => {
  const page = readFileSync(new URL("../../docs/session.md", import.meta.url), "utf8");
  const shown = [...page.matchAll(/```mermaid\n([\s\S]*?)\n```/g)].map(match => match[1]);
  assert.deepEqual(shown, [stateDiagram(), outgoingDiagram(1), outgoingDiagram(2), incomingDiagram()]);
});
