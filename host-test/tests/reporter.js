// The reporter of `npm test`: Node's own, and at the end what was not run and what failed, with the reasons. Node's count of
// skipped tests leaves out skipped suites, whose tests do not even exist, and a failure is far above the end of a long
// report. JavaScript, because Node 20 loads reporters before tsx.

import { relative } from "node:path";
import { cwd, stdout } from "node:process";
import { Readable } from "node:stream";
import { spec, tap } from "node:test/reporters";

/** @param {AsyncIterable<object>} events of node:test, in the order of its documentation: test:start before test:pass */
export default async function* reporter(events) {
  const notRun = [];
  const failed = [];
  let suites = 0;
  async function* watched() {
    const names = []; // of the test that runs and of the suites around it
    for await (const event of events) {
      const { name, nesting, file = "", skip, details } = event.data;
      const line = reason =>
        `#   ${[relative(cwd(), file), ...names.slice(0, nesting), name].join(" > ")}: ${reason}\n`;
      if (event.type === "test:start") names.splice(nesting, names.length, name);
      else if (event.type === "test:pass" && skip !== undefined) {
        notRun.push(line(skip === true ? "no reason given" : skip));
        if (details.type === "suite") suites++;
      } else if (event.type === "test:fail" && details.error.failureType !== "subtestsFailed") {
        failed.push(line(firstLine(details.error)));
      }
      yield event;
    }
  }
  yield* Readable.from(watched()).compose(stdout.isTTY ? new spec() : tap);
  yield `# not run: suites ${suites}, other tests ${notRun.length - suites}\n${notRun.join("")}`;
  if (failed.length > 0) yield `# failed: ${failed.length}\n${failed.join("")}`;
}

/** @param {Error} error Node's, around what the test threw */
const firstLine = ({ message, cause }) => String(cause?.message ?? message).split("\n", 1)[0];
