// Can the fuzz fail? `tsx host-test/fuzz/mutants.ts [--runs 3000]` breaks copies of the library in one place each and says
// how many runs it takes to be caught, and as what. Ends with 1 when one is not caught, or has no place in src any more,
// or when the copy that is not broken fails. `--with changes.json` makes these changes in every copy: to try a mend.

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { startFuzz } from "./engine.ts";
import { buildVariant, type Change } from "./variant.ts";
import { type Library, start as startWorlds } from "./worlds.ts";

const SPLITTER = "wire/frame.ts";
const READER = "wire/packet.ts";
const WRITER = "wire/packet.ts";
const SESSION = "session/session.ts";
const FLOWS = "session/flows.ts";
const CLIENT = "abstract-client.ts";

const KEPT = "session/kept.ts";

/** `worlds`: to be caught there (worlds.ts), not by the dialogues. */
const MUTANTS: readonly (Change & { name: string; worlds?: true })[] = [
  {
    name: "a packet type that servers must not send",
    file: SPLITTER,
    from: "if (FLAGS[type]! < 0)",
    to: "if (type < 2)",
  },
  { name: "flags are not looked at", file: SPLITTER, from: "(first & 15) !== FLAGS[type]", to: "first < 0" },
  { name: "a PUBACK that is too long", file: SPLITTER, from: "0, 2, 268435455, 2, 2,", to: "0, 2, 268435455, 9, 2," },
  { name: "packet id 0 of a PUBLISH", file: SPLITTER, from: '"" : "PUBLISH with packet id 0"', to: '"" : ""' },
  { name: "five bytes of length", file: SPLITTER, from: "if (shift > 21)", to: "if (shift > 28)" },
  { name: "QoS 3", file: SPLITTER, from: "(first & 6) === 6", to: "first < 0" },
  {
    name: "a limit that is one less",
    file: SPLITTER,
    from: "if (size > this.frameBytes) return this",
    to: "if (size >= this.frameBytes) return this",
  },
  {
    name: "a huge frame is kept",
    file: SPLITTER,
    from: "if (size > this.frameBytes) return this",
    to: "if (size > 9e9) return this",
  },
  {
    name: "reset forgets to forget",
    file: SPLITTER,
    from: "    this.skip = -1;\n  }\n\n  /** Takes",
    to: "  }\n\n  /** Takes",
  },
  { name: "wildcards in topics", file: READER, from: 'topic.indexOf("+") >= 0 ||', to: "" },
  { name: "QoS 2 comes twice", file: FLOWS, from: "[RECORD, COMPLETE]", to: "[DELIVER, COMPLETE]" },
  {
    name: "no ceiling for received ids",
    file: SESSION,
    from: "this.received.length >= RECEIVED_LIMIT",
    to: "this.received.length < 0",
  },
  { name: "received ids never make room", file: SESSION, from: "if (this.old === 0) return", to: "return" },
  {
    name: "PUBACK before the message",
    file: SESSION,
    from: '    this.listener.message(packet);\n    if (packet.qos === 1) this.acknowledge("puback", packet.messageId!);',
    to: '    if (packet.qos === 1) this.acknowledge("puback", packet.messageId!);\n    if (packet.messageId !== 7) this.listener.message(packet);',
  },
  {
    name: "a lost acknowledgement",
    file: SESSION,
    from: "    this.acks.push(",
    to: "    if (id % 2) this.acks.push(",
  },
  {
    name: "PUBREL does not release",
    file: SESSION,
    from: "const at = this.received.indexOf(id);",
    to: "const at = -1;",
  },
  {
    name: "acknowledgements outlive the connection",
    file: SESSION,
    from: "    this.live = false;\n    this.acks = [];",
    to: "    this.live = false;",
  },
  {
    name: "PUBCOMP without PUBREC",
    file: FLOWS,
    from: "[REFUSE, RELEASE, REFUSE, REPEAT, RESTART]",
    to: "[REFUSE, RELEASE, FINISH, REPEAT, RESTART]",
  },
  {
    name: "PUBLISH after PUBREC",
    file: FLOWS,
    from: "[REFUSE, RELEASE, FINISH, RELEASE, RESTART]",
    to: "[REFUSE, RELEASE, FINISH, REPEAT, RESTART]",
  },
  {
    name: "any CONNACK at any time",
    file: SESSION,
    from: "      default:\n        this.listener.violation(",
    to: "      default:\n        void (",
  },
  {
    name: "packets before CONNACK",
    file: CLIENT,
    from: "return this.connack(packet);",
    to: 'return packet.cmd === "connack" ? this.connack(packet) : undefined;',
  },
  { name: "the link stays open after a fault", file: CLIENT, from: "    transport?.close();", to: "" },
  { name: "writes after the end", file: CLIENT, from: "    this.writer.attach(undefined);\n", to: "" },
  {
    name: "throwing callbacks get out",
    file: CLIENT,
    from: "      callback(first, second);\n    } catch (error) {\n      this.report(error as Error);\n",
    to: "      callback(first, second);\n    } catch (error) {\n      throw error;\n",
  },
  {
    name: "no deadline after a tick",
    file: CLIENT,
    from: "    this.tickFrom();\n    if (act",
    to: "    if (act",
  },
  {
    name: "a fault by another name",
    file: SPLITTER,
    from: 'return "PUBLISH with an empty topic"',
    to: 'return "PUBLISH with QoS 3"',
  },
  {
    name: "bytes sent that were sent before",
    file: WRITER,
    from: "this.buffer.copyWithin(0, count, this.used);",
    to: "count;",
  },
  {
    name: "confirmed messages stay in the store",
    file: KEPT,
    from: "  drop(message: Message): void {\n",
    to: "  drop(message: Message): void {\n    if (message.qos) return;\n",
    worlds: true,
  },
  {
    name: "PUBREC is not stored",
    file: KEPT,
    from: "if (came) this.set(",
    to: "if (id < 0) this.set(",
    worlds: true,
  },
  {
    name: "delivered commands are not stored",
    file: KEPT,
    from: "if (delivered) this.set(",
    to: "if (id < 0) this.set(",
    worlds: true,
  },
  {
    name: "messages come back in the order of keys",
    file: KEPT,
    from: "(a, b) => a.number - b.number",
    to: "(a, b) => b.number - a.number",
    worlds: true,
  },
  {
    name: "messages come back, and their packet ids are given to others",
    file: SESSION,
    from: "if (messages.length) this.inflight.beginIds(messages[messages.length - 1]!.id);",
    to: "",
    worlds: true,
  },
  {
    name: "RETAIN is not kept",
    file: KEPT,
    from: "(message.retain ? 4 : 0)",
    to: "0",
    worlds: true,
  },
  {
    name: "dropOldest takes QoS 1 and 2, too",
    file: SESSION,
    from: "      if (old.qos > 0) continue;\n",
    to: "",
    worlds: true,
  },
  {
    name: "what is dropped is sent all the same",
    file: SESSION,
    from: "      else if (this.tail) this.tail.next = old.next;\n",
    to: "",
    worlds: true,
  },
  {
    name: "filters given up are subscribed again",
    file: SESSION,
    from: "one => topics.indexOf(one.topic) < 0);",
    to: "() => true);",
    worlds: true,
  },
  {
    name: "a lost CONNACK is forgotten",
    file: SESSION,
    from: "sessionPresent && this.attempts < 2",
    to: "sessionPresent",
    worlds: true,
  },
  {
    name: "a refusal ends the server's session",
    file: SESSION,
    from: "    this.heldBytes = 0;\n    // Callbacks",
    to: "    this.heldBytes = 0;\n    this.received = [];\n    // Callbacks",
    worlds: true,
  },
];

const { values } = parseArgs({ options: { runs: { type: "string", default: "3000" }, with: { type: "string" } } });
const mends = values.with ? (JSON.parse(readFileSync(values.with, "utf8")) as Change[]) : [];
const folder = mkdtempSync(join(tmpdir(), "mutants-"));
const whole = await hunted([], join(folder, "whole.mjs"));
console.log(`nothing broken: ${whole.replace("MISSED", "nothing found")}`);
let missed = whole.startsWith("MISSED") ? 0 : 1;
for (const [index, mutant] of MUTANTS.entries()) {
  const verdict = await hunted([mutant], join(folder, `${index}.mjs`)).catch(error => `MISSED: ${error}`);
  if (verdict.startsWith("MISSED")) missed++;
  console.log(`${mutant.name}: ${verdict}`);
}
rmSync(folder, { recursive: true });
console.log(`${MUTANTS.length} mutants, ${missed} not as it should be`);
process.exitCode = missed ? 1 : 0;

async function hunted(changes: (Change & { worlds?: true })[], outfile: string): Promise<string> {
  await buildVariant([...mends, ...changes], outfile);
  if (changes[0]?.worlds) return huntedInWorlds(outfile);
  const fuzz = await startFuzz("node", outfile);
  const figures = await fuzz.run(1, Number(values.runs));
  await fuzz.close();
  if (!figures.failure) return `MISSED in ${figures.runs} runs`;
  return `run ${figures.runs}, ${figures.failure.left} steps: ${figures.failure.text.split("\n")[0]}`;
}

async function huntedInWorlds(outfile: string): Promise<string> {
  const { run } = startWorlds((await import(pathToFileURL(outfile).href)) as Library);
  const { runs, failure } = run({ seed: 1, count: Number(values.runs) });
  return failure ? `world ${runs}: ${failure.text}` : `MISSED in ${runs} worlds`;
}
