// The reporter of `npm test`: Node's own, and at the end what was not run, with the reasons. Node's count of skipped tests
// leaves out skipped suites, whose tests do not even exist. JavaScript, because Node 20 loads reporters before tsx.

import { relative } from "node:path";
import { cwd, stdout } from "node:process";
import { Readable } from "node:stream";
import { spec, tap } from "node:test/reporters";

/** @param {AsyncIterable<object>} events of node:test, in the order of its documentation: test:start before test:pass */
export default async function* reporter(events) {
  const lines = [];
  let suites = 0;
  async function* watched() {
    const names = []; // of the test that runs and of the suites around it
    for await (const event of events) {
      const { name, nesting, file = "", skip, details } = event.data;
      if (event.type === "test:start") names.splice(nesting, names.length, name);
      else if (event.type === "test:pass" && skip !== undefined) {
        const place = [relative(cwd(), file), ...names.slice(0, nesting), name].join(" > ");
        lines.push(`#   ${place}: ${skip === true ? "no reason given" : skip}\n`);
        if (details.type === "suite") suites++;
      }
      yield event;
    }
  }
  yield* Readable.from(watched()).compose(stdout.isTTY ? new spec() : tap);
  yield `# not run: suites ${suites}, other tests ${lines.length - suites}\n${lines.join("")}`;
}
