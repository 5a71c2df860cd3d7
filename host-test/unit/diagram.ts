// The state table of session/states.ts as a Mermaid diagram.

import { EVENT_NAMES, type Event, next, STATE_NAMES, type State } from "../../src/session/states.ts";

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
