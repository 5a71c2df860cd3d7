// The tables of session/states.ts and session/flows.ts as Mermaid diagrams.

import {
  type Act,
  COMPLETE,
  DELIVER,
  FINISH,
  FRESH,
  HELD,
  INCOMING,
  OUTGOING,
  RELEASE,
  RELEASED,
  REPEAT,
  RESTART,
  SENT_1,
  SENT_2,
} from "../../src/session/flows.ts";
import { EVENT_NAMES, type Event, next, STATE_NAMES, type State } from "../../src/session/states.ts";

/** Columns of the two tables of flows.ts. */
export const HAPPENINGS: readonly string[] = ["PUBACK", "PUBREC", "PUBCOMP", "resumed", "renewed"];
export const ARRIVALS: readonly string[] = ["PUBLISH", "PUBREL"];

/** One line for each step that leads to another state, in the order of the table. */
export function stateDiagram(): string {
  const lines = ["stateDiagram-v2", `    [*] --> ${STATE_NAMES[0]}`];
  for (const [state, name] of STATE_NAMES.entries()) {
    for (const [event, happened] of EVENT_NAMES.entries()) {
      const to = next(state as State, event as Event);
      if (to !== state) lines.push(`    ${name} --> ${STATE_NAMES[to]}: ${happened}`);
    }
  }
  return lines.join("\n");
}

/** An outgoing message of one QoS: all it may live through but what ends the connection. */
export function outgoingDiagram(qos: 1 | 2): string {
  const sent = qos === 1 ? SENT_1 : SENT_2;
  const names: Record<number, string> = { [sent]: "sent", ...(qos === 2 ? { [RELEASED]: "released" } : {}) };
  const steps: Partial<Record<Act, { to: string; packet: string }>> = {
    [FINISH]: { to: "[*]", packet: "" },
    [RELEASE]: { to: "released", packet: " / PUBREL" },
    [REPEAT]: { to: "sent", packet: " / PUBLISH with DUP" },
    [RESTART]: { to: "sent", packet: " / PUBLISH" },
  };
  const lines = ["stateDiagram-v2", "    [*] --> sent: PUBLISH"];
  for (const [row, name] of Object.entries(names)) {
    for (const [column, act] of OUTGOING[Number(row)]!.entries()) {
      const step = steps[act];
      if (step) lines.push(`    ${name} --> ${step.to}: ${HAPPENINGS[column]}${step.packet}`);
    }
  }
  return lines.join("\n");
}

/** An incoming message of QoS 2. */
export function incomingDiagram(): string {
  const names = { [FRESH]: "fresh", [HELD]: "held" };
  const lines = ["stateDiagram-v2", "    [*] --> fresh"];
  for (const [row, name] of Object.entries(names)) {
    for (const [column, act] of INCOMING[Number(row)]!.entries()) {
      const to = act === COMPLETE ? "fresh" : "held";
      const answer = act === COMPLETE ? "PUBCOMP" : act === DELIVER ? "tell, PUBREC" : "PUBREC";
      lines.push(`    ${name} --> ${to}: ${ARRIVALS[column]} / ${answer}`);
    }
  }
  return lines.join("\n");
}
