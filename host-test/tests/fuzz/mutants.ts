// Can the tests fail? `tsx host-test/tests/fuzz/mutants.ts [--runs 3000] [--only text]` breaks copies of the library in one
// place each, and says after how many runs each is caught, and as what. Ends with 1 when one is not caught, when its place
// is not in the source any more, or when the unbroken copy fails. `--with changes.json` makes these changes in every copy,
// to try a fix.

import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { runProgram } from "../support/program.ts";
import { startFuzz } from "./engine.ts";
import { buildVariant, type Change, changed } from "./variant.ts";
import { type Library, start as startWorlds } from "./worlds.ts";

const DECODER = "mqtt/wire/decoder.ts";
const PARSER = "mqtt-packet/parser.js";
const SEND_BUFFER = "mqtt/wire/send-buffer.ts";
const SESSION = "mqtt/session/session.ts";
const ACKNOWLEDGEMENTS = "mqtt/session/acknowledgements.ts";
const RECEIVED = "mqtt/session/received.ts";
const PUBLISHER = "mqtt/session/publisher.ts";
const OUTBOX = "mqtt/session/outbox.ts";
const SUBSCRIPTIONS = "mqtt/session/subscriptions.ts";
const PUBLISH_STATES = "mqtt/session/publish-states.ts";
const MESSAGE_STORE = "mqtt/session/message-store.ts";
const LINK = "mqtt/wire/link.ts";
const CONNECTION = "mqtt/connection.ts";
const CALLBACKS = "mqtt/callbacks.ts";

interface Mutant extends Change {
  name: string;
  /** What catches it: dialogues with any server (default), whole programs with a right server, or a file of tests. */
  by?: "worlds" | `${string}.test.ts`;
}

const MUTANTS: readonly Mutant[] = [
  {
    name: "a packet type that servers must not send",
    file: DECODER,
    from: "const NEVER = Number.POSITIVE_INFINITY;",
    to: "const NEVER = 0;",
  },
  {
    name: "flags are not looked at",
    file: PARSER,
    from: "requiredHeaderFlags != null && headerFlags !== requiredHeaderFlags",
    to: "requiredHeaderFlags > 15",
  },
  {
    name: "an acknowledgement that is too long",
    file: DECODER,
    from: "length > 2 : length === expected;",
    to: "length > 2 : length >= expected;",
  },
  { name: "packet identifier 0", file: DECODER, from: "packet.messageId! < 1", to: "packet.messageId! < 0" },
  {
    name: "five bytes of length",
    file: DECODER,
    from: "if (headerBytes > FIXED_HEADER_BYTES)",
    to: "if (headerBytes > 9)",
  },
  { name: "QoS 3", file: PARSER, from: "if (this.packet.qos > 2)", to: "if (this.packet.qos > 9)" },
  {
    name: "DUP at QoS 0",
    file: DECODER,
    from: "if (packet.dup && packet.qos === 0)",
    to: "if (packet.qos > 9)",
    by: "unit/decoder.test.ts",
  },
  {
    name: "a limit that is one less",
    file: DECODER,
    from: "if (size > this.frameBytes) {",
    to: "if (size >= this.frameBytes) {",
  },
  {
    name: "a huge packet is buffered",
    file: DECODER,
    from: "if (size > this.frameBytes) {",
    to: "if (size > 9e9) {",
  },
  {
    name: "reset keeps the head of an oversize message",
    file: DECODER,
    from: "    if (this.oversize) this.oversize = undefined;\n",
    to: "",
  },
  {
    name: "reset keeps an unfinished packet",
    file: DECODER,
    from: "    if (this.partial) this.partial = undefined;\n",
    to: "",
  },
  {
    name: "a new connection goes on where the last one ended",
    file: DECODER,
    from: "    this.state = FRAME_START;\n    if (this.partial)",
    to: "    if (this.partial)",
  },
  { name: "an oversize packet before its end", file: DECODER, from: "if (this.payloadLeft === 0) {", to: "{" },
  {
    name: "a packet that ends before its identifier",
    file: DECODER,
    from: "packet.messageId! < 1",
    to: "packet.messageId === 0",
  },
  { name: "wildcards in topics", file: DECODER, from: 'topic.indexOf("+") < 0 && ', to: "" },
  {
    name: "QoS 2 is delivered twice",
    file: SESSION,
    from: "if (received.receive(id)) {",
    to: "received.receive(id);\n    {",
  },
  {
    name: "a released identifier stays known",
    file: RECEIVED,
    from: "    known.toggle(id);\n    if (seen.",
    to: "    if (seen.",
  },
  {
    name: "identifiers that the server no longer sends stay known",
    file: RECEIVED,
    from: "isNew && known.count > STALE_LIMIT",
    to: "isNew && known.count < 0",
    by: "unit/received.test.ts",
  },
  {
    name: "PUBACK for a message that is not delivered",
    file: SESSION,
    from: "    this.callbacks.message(packet);\n    return packet.qos === 1 ?",
    to: "    if (packet.messageId !== 7) this.callbacks.message(packet);\n    return packet.qos === 1 ?",
  },
  {
    name: "a lost acknowledgement",
    file: ACKNOWLEDGEMENTS,
    from: "    this.queue.push(",
    to: "    if (id % 2) this.queue.push(",
  },
  {
    name: "PUBREL does not release",
    file: RECEIVED,
    from: "if (!known.has(id)) return true;",
    to: "if (id > 0) return true;",
  },
  {
    name: "acknowledgements outlive the connection",
    file: SESSION,
    from: "    if (this.acknowledgements) this.acknowledgements = undefined;",
    to: "",
  },
  {
    name: "PUBCOMP without PUBREC",
    file: PUBLISH_STATES,
    from: "(COMPLETE_AS_QOS_1, SEND_PUBREL, PROTOCOL_ERROR, RESEND_DUP, RESEND_NEW)",
    to: "(PROTOCOL_ERROR, SEND_PUBREL, COMPLETE, RESEND_DUP, RESEND_NEW)",
  },
  {
    name: "PUBLISH after PUBREC",
    file: PUBLISH_STATES,
    from: "(PROTOCOL_ERROR, SEND_PUBREL, COMPLETE, SEND_PUBREL, RESEND_NEW)",
    to: "(PROTOCOL_ERROR, SEND_PUBREL, COMPLETE, RESEND_DUP, RESEND_NEW)",
  },
  {
    name: "any CONNACK at any time",
    file: SESSION,
    from: "      default:\n        return `",
    to: "      default:\n        return packet.cmd ? '' : `",
  },
  {
    name: "packets before CONNACK",
    file: CONNECTION,
    from: "if (this.state === AWAITING_CONNACK) return this.onConnack(packet);",
    to: 'if (this.state === AWAITING_CONNACK && packet.cmd === "connack") return this.onConnack(packet);',
  },
  {
    name: "the link stays open after a fault",
    file: LINK,
    from: "if (transport) transport.close(closed);\n    else closed?.();",
    to: "closed?.();",
  },
  { name: "writes after the end", file: LINK, from: "    buffer.attach(undefined);\n", to: "" },
  {
    name: "throwing callbacks get out",
    file: CALLBACKS,
    from: "      callback(first, second);\n    } catch (error) {\n      this.error(error as Error);\n",
    to: "      callback(first, second);\n    } catch (error) {\n      throw error;\n",
  },
  {
    name: "no deadline after a check of the keep-alive",
    file: CONNECTION,
    from: "    this.timer.set(this.keepAlive.checkMs);\n    if (action",
    to: "    if (action",
  },
  {
    name: "a fault by another name",
    file: DECODER,
    from: 'return "PUBLISH with an empty topic"',
    to: 'return "PUBLISH with QoS 3"',
  },
  {
    name: "bytes sent that were sent before",
    file: SEND_BUFFER,
    from: "    this.bytes.copyWithin(0, count, this.used);\n",
    to: "",
  },
  {
    name: "a packet beyond the end of the buffer",
    file: "mqtt/wire/encoder.ts",
    from: "buffer.used > limit && ",
    to: "buffer.used > 9e9 && ",
  },
  {
    name: "a packet without room leaves its bytes",
    file: SEND_BUFFER,
    from: "    this.used = start;\n    if (rest",
    to: "    if (rest",
  },
  {
    name: "a refusal is reported each time",
    file: CALLBACKS,
    from: "    if (this.rejectionReported) return;\n",
    to: "",
  },
  {
    name: "a refusal is reported once for ever",
    file: CONNECTION,
    from: "    } else if (this.callbacks.rejectionReported) this.callbacks.rejectionReported = false;\n",
    to: "    }\n",
  },
  {
    name: "confirmed while its payload is sent again: the bytes are given back at once",
    file: PUBLISHER,
    from: "if (waiting && message === this.streamingMessage && this.encoder.buffer.streaming)",
    to: "if (!message)",
    by: "dialogue/unanswered.test.ts",
  },
  {
    name: "disconnect() closes before DISCONNECT has left",
    file: CONNECTION,
    from: "this.link.buffer.room >= DISCONNECT_BYTES",
    to: "!this.link.buffer.pending",
    by: "dialogue/leaving.test.ts",
  },
  {
    name: "an r that stayed counts for a new message",
    file: MESSAGE_STORE,
    from: "if (!removed) this.removeFailed = true;",
    to: "",
    by: "dialogue/store.test.ts",
  },
  {
    name: "a lost session counts only for what is sent again",
    file: PUBLISHER,
    from: "one.state = statePublished(one.qos);",
    to: "",
    by: "dialogue/resume.test.ts",
  },
  {
    name: "a message that the server has is given up",
    file: PUBLISHER,
    from: "if (!first || first.state === AWAITING_PUBCOMP)",
    to: "if (!first)",
    by: "dialogue/unanswered.test.ts",
  },
  {
    name: "PUBCOMP although the store keeps the identifier",
    file: RECEIVED,
    from: "if (this.store && !this.store.clearReceived(id)) return false;",
    to: "if (this.store) this.store.clearReceived(id);",
    by: "dialogue/store.test.ts",
  },
  {
    name: "drained without room",
    file: PUBLISHER,
    from: "return outbox.fits(LEAST_RECORD_BYTES, inflight.bytes, sendable);",
    to: "return sendable || outbox.fits(LEAST_RECORD_BYTES, inflight.bytes, false);",
    by: "dialogue/bounds.test.ts",
  },
  {
    name: "publish is accepted after disconnect()",
    file: CONNECTION,
    from: "state !== IDLE && state !== DISCONNECTING && !this.disconnectAfterConnack;\n    const accepted",
    to: "state !== IDLE && !this.disconnectAfterConnack;\n    const accepted",
  },
  {
    name: "confirmed messages stay in the store",
    file: MESSAGE_STORE,
    from: "  remove(message: Message): void {\n",
    to: "  remove(message: Message): void {\n    if (message.qos) return;\n",
    by: "worlds",
  },
  {
    name: "PUBREC is not stored",
    file: MESSAGE_STORE,
    from: "  setPubrecReceived(id: number): boolean {\n",
    to: "  setPubrecReceived(id: number): boolean {\n    if (id) return true;\n",
    by: "worlds",
  },
  {
    name: "delivered commands are not stored",
    file: MESSAGE_STORE,
    from: "  setReceived(id: number): void {\n",
    to: "  setReceived(id: number): void {\n    if (id) return;\n",
    by: "worlds",
  },
  {
    name: "messages come back in the order of keys",
    file: MESSAGE_STORE,
    from: "restored[at - 1]!.sequence > added.sequence",
    to: "restored[at - 1]!.sequence < added.sequence",
    by: "worlds",
  },
  {
    name: "messages come back, and their packet identifiers are given to others",
    file: PUBLISHER,
    from: "if (messages.length) this.ids.startAfter(messages[messages.length - 1]!.id);",
    to: "",
    by: "worlds",
  },
  {
    name: "RETAIN is not stored",
    file: MESSAGE_STORE,
    from: "(retain ? 4 : 0)",
    to: "0",
    by: "worlds",
  },
  {
    name: "dropOldest drops QoS 1 and 2, too",
    file: OUTBOX,
    from: "      if (flags & QOS) {",
    to: "      if (flags > 15) {",
    by: "worlds",
  },
  {
    name: "what is dropped is sent all the same",
    file: OUTBOX,
    from: "        this.buffer!.subarray(at).copyWithin(0, next - at, this.end - at);\n",
    to: "",
    by: "worlds",
  },
  {
    name: "what waits is not moved to the start of the buffer",
    file: OUTBOX,
    from: "      buffer.copyWithin(0, start, end);\n",
    to: "",
    by: "unit/outbox.test.ts",
  },
  {
    name: "a dropped message's callback is another's",
    file: OUTBOX,
    from: "        if (flags & HAS_CALLBACK) callback++;\n",
    to: "",
    by: "unit/outbox.test.ts",
  },
  {
    name: "a waiting payload of 16 MB loses its length",
    file: OUTBOX,
    from: "(this.uint16(at) & 4095) << 16",
    to: "(this.uint16(at) & 255) << 16",
    by: "unit/outbox.test.ts",
  },
  {
    name: "the outbox takes a byte more",
    file: OUTBOX,
    from: "bytes + size <= queuedBytes",
    to: "bytes + size <= queuedBytes + 1",
    by: "dialogue/bounds.test.ts",
  },
  {
    name: "filters given up are subscribed again",
    file: SUBSCRIPTIONS,
    from: "one => topics.indexOf(one.topic) < 0);",
    to: "() => true);",
    by: "worlds",
  },
  {
    name: "a lost CONNACK is forgotten",
    file: SESSION,
    from: "sessionPresent && this.connectAttempts < 2",
    to: "sessionPresent",
    by: "worlds",
  },
  {
    name: "a refusal ends the server's session",
    file: CONNECTION,
    from: "      this.session.publisher.clear(",
    to: "      (this.session as any).received = undefined;\n      this.session.publisher.clear(",
    by: "dialogue/resume.test.ts",
  },
  {
    name: "connect() forgets unreleased identifiers",
    file: RECEIVED,
    from: "for (let i = 0; i < ids.length; i++) this.receive(ids[i]!);",
    to: "",
    by: "worlds",
  },
  {
    name: "the store refuses PUBREC, and PUBREL is sent",
    file: PUBLISHER,
    from: "    if (stored) message.state = AWAITING_PUBCOMP;\n    return stored;",
    to: "    message.state = AWAITING_PUBCOMP;\n    return true;",
    by: "dialogue/store.test.ts",
  },
  {
    name: "a message acknowledged before it is resent ends the resending",
    file: PUBLISHER,
    from: "    if (waiting && message === this.resendNext) this.resendNext = message.next;\n",
    to: "",
    by: "unit/publisher.test.ts",
  },
  {
    name: "a new message overtakes those that wait",
    file: PUBLISHER,
    from: "const overtakes = (this.waiting || this.busy) &&",
    to: "const overtakes = this.busy &&",
  },
  {
    name: "what a callback publishes overtakes those that wait",
    file: PUBLISHER,
    from: "const overtakes = (this.waiting || this.busy) &&",
    to: "const overtakes = this.waiting &&",
  },
  {
    name: "a completion callback runs inside another",
    file: PUBLISHER,
    from: "if (direct && qos === 0 && !(done && this.busy) &&",
    to: "if (direct && qos === 0 &&",
    by: "dialogue/chains.test.ts",
  },
  {
    name: "a certificate beside a token is taken for the identity",
    file: "device/config.ts",
    from: "given.cert && !method && !token",
    to: "given.cert && !method",
    by: "unit/config.test.ts",
  },
  {
    name: "a certificate beside an authentication method is taken for the identity",
    file: "device/config.ts",
    from: "given.cert && !method && !token",
    to: "given.cert && !token",
    by: "unit/config.test.ts",
  },
  {
    name: "the next host also after a connection that was lost",
    file: CONNECTION,
    from: "if (before < CONNECTED) selectNextHost",
    to: "if (before <= CONNECTED) selectNextHost",
    by: "dialogue/failover.test.ts",
  },
  {
    name: "the next host only if the transport did not open",
    file: CONNECTION,
    from: "if (before < CONNECTED) selectNextHost",
    to: "if (before === OPENING) selectNextHost",
    by: "dialogue/failover.test.ts",
  },
  {
    name: "the next host is never the first one again",
    file: "mqtt/hosts.ts",
    from: "  otherHosts.push(endpoint.host);\n",
    to: "  if (otherHosts.length < 2) return;\n",
    by: "dialogue/failover.test.ts",
  },
  {
    name: "reconnectDelay has no effect",
    file: CONNECTION,
    from: ", this.options.reconnectDelayMs);",
    to: ");",
    by: "dialogue/connecting.test.ts",
  },
  {
    name: "an answer 304 is waited for",
    file: "../targets/moddable/http-answer.ts",
    from: "this.status === 204 || this.status === 304",
    to: "this.status === 204",
    by: "engines/moddable/http.test.ts",
  },
  {
    name: "Node's room does not count what was written in this turn",
    file: "../targets/node/sockets.ts",
    from: "this.socket.writableLength - this.used)",
    to: "this.socket.writableLength)",
    by: "contract/sockets.test.ts",
  },
  {
    name: "a file store does not wait for the disk",
    file: "../targets/node/store.ts",
    from: "        if (sync) fsyncSync(file);\n",
    to: "",
    by: "unit/store.test.ts",
  },
  {
    name: "a file store does not wait for the folder",
    file: "../targets/node/store.ts",
    from: 'if (sync && process.platform !== "win32")',
    to: "if (!folder)",
    by: "unit/store.test.ts",
  },
];

const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "3000" },
    with: { type: "string" },
    only: { type: "string", default: "" },
  },
});
const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const fixes = values.with ? (JSON.parse(readFileSync(values.with, "utf8")) as Change[]) : [];
const chosen = MUTANTS.filter(mutant => mutant.name.includes(values.only));
const folder = mkdtempSync(join(tmpdir(), "mutants-"));
const whole = await hunted(undefined, join(folder, "whole.mjs"));
console.log(`nothing broken: ${whole.replace("MISSED", "nothing found")}`);
let missed = whole.startsWith("MISSED") ? 0 : 1;
for (const [index, mutant] of chosen.entries()) {
  const verdict = await hunted(mutant, join(folder, `${index}.mjs`)).catch(error => `MISSED: ${error}`);
  if (verdict.startsWith("MISSED")) missed++;
  console.log(`${mutant.name}: ${verdict}`);
}
rmSync(folder, { recursive: true });
console.log(`${chosen.length} mutants, ${missed} not as it should be`);
process.exitCode = missed ? 1 : 0;

async function hunted(mutant: Mutant | undefined, outfile: string): Promise<string> {
  const by = mutant?.by;
  if (mutant && by && by !== "worlds") return huntedByTests(mutant, by);
  await buildVariant(mutant ? [...fixes, mutant] : fixes, outfile);
  if (by === "worlds") return huntedInWorlds(outfile);
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

// Runs a file of tests in a copy of the repository, once as it is and once with the change.
async function huntedByTests(mutant: Mutant, by: string): Promise<string> {
  const copy = mkdtempSync(join(folder, "copy-"));
  for (const name of ["src", "targets", "host-test"]) {
    cpSync(join(ROOT, name), join(copy, name), { recursive: true, filter: path => !path.endsWith("node_modules") });
  }
  for (const name of ["package.json", "tsconfig.json"]) cpSync(join(ROOT, name), join(copy, name));
  for (const name of ["node_modules", "dist", "docs"]) symlinkSync(join(ROOT, name), join(copy, name));
  for (const fix of fixes) change(copy, fix);
  const before = await failures(copy, by);
  if (before) return `MISSED: ${by} fails without it: ${before}`;
  change(copy, mutant);
  const after = await failures(copy, by);
  return after ? `${by}: ${after}` : `MISSED by ${by}`;
}

function change(copy: string, one: Change): void {
  const path = join(copy, "src", one.file);
  writeFileSync(path, changed(readFileSync(path, "utf8"), one));
}

/** The first test that fails; "" if none does. */
async function failures(copy: string, by: string): Promise<string> {
  const file = join("host-test", "tests", by);
  const env = { ...process.env, IOTF_SUBJECT: "src" };
  const { code, out } = await runProgram(process.execPath, ["--import", "tsx", "--test", file], { cwd: copy, env });
  return code === 0 ? "" : (/^ *not ok \d+ - (.*)$/m.exec(out)?.[1] ?? `ends with ${code}`);
}
