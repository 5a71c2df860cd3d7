// The tables of mqtt/states.ts and mqtt/session/publish-states.ts as Mermaid diagrams, and what the session does with an
// incoming message of QoS 2.

import * as states from "../../../src/mqtt/session/publish-states.ts";
import { type Event, nextState, STATE_NAMES, type State } from "../../../src/mqtt/states.ts";
import { live } from "../support/session-stage.ts";

/** The events of publish-states.ts, by name. */
export const MESSAGE_EVENTS = {
  PUBACK: states.PUBACK,
  PUBREC: states.PUBREC,
  PUBCOMP: states.PUBCOMP,
  "session present": states.SESSION_PRESENT,
  "session lost": states.SESSION_LOST,
} as const;
export type MessageEvent = keyof typeof MESSAGE_EVENTS;

/** Its states, by name. */
export const MESSAGE_STATES = {
  NOT_IN_FLIGHT: states.NOT_IN_FLIGHT,
  AWAITING_PUBACK: states.AWAITING_PUBACK,
  AWAITING_PUBREC: states.AWAITING_PUBREC,
  AWAITING_PUBCOMP: states.AWAITING_PUBCOMP,
} as const;
export type MessageState = keyof typeof MESSAGE_STATES;

/** The events of states.ts, in the order of their values. */
export const EVENT_NAMES = ["connect", "opened", "accepted", "refused", "lost", "retry", "disconnect", "finished"];

/** The values of State, or of Event, of states.ts in the order of their names. */
export function valuesOf<T extends State | Event>(names: readonly string[], first: number): T[] {
  return names.map((_, index) => (first + index) as T);
}
export const STATES: readonly State[] = valuesOf(STATE_NAMES, 0);
export const EVENTS: readonly Event[] = valuesOf(EVENT_NAMES, 10);

/** One line for each event that leads to another state, in the order of the table. */
export function stateDiagram(): string {
  const lines = ["stateDiagram-v2", `    [*] --> ${STATE_NAMES[0]}`];
  for (const state of STATES) {
    for (const [index, event] of EVENTS.entries()) {
      const next = nextState(state, event);
      if (next !== state) lines.push(`    ${STATE_NAMES[state]} --> ${STATE_NAMES[next]}: ${EVENT_NAMES[index]}`);
    }
  }
  return lines.join("\n");
}

/** An outgoing message of one QoS: every event that it survives. */
export function outgoingDiagram(qos: 1 | 2): string {
  const first = qos === 1 ? "AWAITING_PUBACK" : "AWAITING_PUBREC";
  const rows: readonly MessageState[] = qos === 1 ? [first] : [first, "AWAITING_PUBCOMP"];
  const steps: Partial<Record<states.Action, { next: string; packet: string }>> = {
    [states.COMPLETE]: { next: "[*]", packet: "" },
    [states.COMPLETE_AS_QOS_1]: { next: "[*]", packet: " / report: QoS 1" },
    [states.SEND_PUBREL]: { next: "AWAITING_PUBCOMP", packet: " / PUBREL" },
    [states.RESEND_DUP]: { next: first, packet: " / PUBLISH with DUP" },
    [states.RESEND_NEW]: { next: first, packet: " / PUBLISH" },
  };
  const lines = ["stateDiagram-v2", `    [*] --> ${first}: PUBLISH`];
  for (const name of rows) {
    for (const [event, value] of Object.entries(MESSAGE_EVENTS)) {
      const step = steps[states.outgoingAction(MESSAGE_STATES[name], value)];
      if (step) lines.push(`    ${name} --> ${step.next}: ${event}${step.packet}`);
    }
  }
  return lines.join("\n");
}

/** An incoming message of QoS 2: what the session does, not a table. */
export function incomingDiagram(): string {
  const lines = ["stateDiagram-v2", "    [*] --> unknown"];
  for (const name of ["unknown", "unreleased"]) {
    for (const packet of ["PUBLISH", "PUBREL"]) {
      const { out, take } = live();
      const publish = () => take("publish", 1, { qos: 2, topic: "t" });
      if (name === "unreleased") publish();
      out.said();
      if (packet === "PUBLISH") publish();
      else take("pubrel", 1);
      const did = out.said().map(line => (line.startsWith("message") ? "deliver" : line.replace(" #1", "")));
      publish();
      const next = out.said().length > 1 ? "unknown" : "unreleased";
      lines.push(`    ${name} --> ${next}: ${packet} / ${did.join(", ")}`);
    }
  }
  return lines.join("\n");
}
