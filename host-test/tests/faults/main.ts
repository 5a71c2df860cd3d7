// The long fault run, after `npm run build`:
//
//     tsx host-test/tests/faults/main.ts --events 10000 --faults 200 [--engine node|xs] [--server mosquitto|platform]
//         [--no-restarts] [--seed 1] [--journal file]
//
// Prints a report; exit code 1 when a message was lost or a QoS 2 message came twice.

import { argv, exit } from "node:process";
import { parseArgs } from "node:util";
import type { EngineName } from "../engines/engines.ts";
import { faultsOf, runFaults } from "./run.ts";
import type { ServerName } from "./servers.ts";

const { values } = parseArgs({
  args: argv.slice(2),
  options: {
    events: { type: "string", default: "10000" },
    faults: { type: "string", default: "200" },
    engine: { type: "string", default: "node" },
    server: { type: "string", default: "mosquitto" },
    "no-restarts": { type: "boolean", default: false },
    journal: { type: "string" },
    seed: { type: "string", default: "1" },
  },
});
const report = await runFaults({
  engine: values.engine as EngineName,
  server: values.server as ServerName,
  events: Number(values.events),
  faults: Number(values.faults),
  restarts: !values["no-restarts"],
  seed: Number(values.seed),
  ...(values.journal === undefined ? {} : { journal: values.journal }),
  progress: line => console.log(line),
});
console.log(JSON.stringify(report, undefined, 2));
const wrong = faultsOf(report);
console.log(wrong.length ? wrong.join("\n") : "nothing lost, no QoS 2 message twice");
exit(wrong.length ? 1 : 0);
