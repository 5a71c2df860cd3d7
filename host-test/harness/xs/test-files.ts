// Runs a user's test files on Node and in XS, with the same harness. Results and messages of the devices must be the same
// in both engines. Reports the cost of each test in XS.

import { pathToFileURL } from "node:url";
import type { Io } from "../cli/command.ts";
import { CommandError, UsageError } from "../cli/errors.ts";
import type { HandlerCost } from "./device/meter.ts";
import type { Outcome } from "./device/node-test.ts";
import { buildProgram, type Program, type Target } from "./program.ts";
import { startDeviceXs } from "./session.ts";
import { costTable, count } from "./text.ts";

export interface Compared {
  name: string;
  /** "differs": the test passed in both, with different messages of the devices. */
  verdict: "passed" | "failed" | "skipped" | "differs";
  node?: Outcome;
  xs?: Outcome;
}

export interface FileReport {
  file: string;
  tests: Compared[];
  handlers: HandlerCost[];
}

export async function testInBoth(files: readonly string[], { json }: { json: boolean }, io: Io): Promise<number> {
  const reports: FileReport[] = [];
  for (const file of files) {
    const report = await testFile(file, io);
    reports.push(report);
    if (!json) io.stdout.write(`${fileText(report)}\n`);
  }
  const tests = reports.flatMap(report => report.tests);
  const bad = tests.filter(({ verdict }) => verdict === "failed" || verdict === "differs").length;
  if (json) io.stdout.write(`${JSON.stringify({ files: reports })}\n`);
  else io.stdout.write(`${tests.length - bad} of ${tests.length} tests are fine in both engines\n`);
  return bad || !tests.length ? 1 : 0;
}

async function testFile(file: string, io: Io): Promise<FileReport> {
  const node = await built(file, "node", program => runOnNode(program));
  const { outcomes, handlers } = await built(file, "xs", program => runInXs(program, io));
  return { file, tests: compare(node, outcomes), handlers };
}

async function built<T>(file: string, target: Target, use: (program: Program) => Promise<T>): Promise<T> {
  const program = await buildProgram({ file, target, config: {}, tests: true });
  try {
    return await use(program);
  } catch (error) {
    if (error instanceof CommandError || error instanceof UsageError) throw error;
    throw new CommandError(`${file}, ${target === "xs" ? "in XS" : "on Node"}: ${(error as Error).message}`);
  } finally {
    await program.remove();
  }
}

async function runOnNode(program: Program): Promise<Outcome[]> {
  const { runTests } = await import(pathToFileURL(program.path).href);
  return runTests();
}

async function runInXs(
  program: Program,
  { stderr, signal }: Io,
): Promise<{ outcomes: Outcome[]; handlers: HandlerCost[] }> {
  const errors: Error[] = [];
  const onTrace = (text: string) => void stderr.write(`${text}\n`);
  const { xs, costs } = await startDeviceXs({ onTrace, onError: error => errors.push(error) });
  // Rejects pending calls.
  const stop = () => void xs.close();
  signal.addEventListener("abort", stop);
  try {
    if (signal.aborted) throw new CommandError("interrupted");
    await xs.evaluate(`import(${JSON.stringify(program.path)}).then(({ runTests }) => {
      host.register("runTests", runTests);
    })`);
    const outcomes = await xs.call<Outcome[]>("runTests");
    if (errors[0]) throw errors[0];
    return { outcomes, handlers: await costs() };
  } catch (error) {
    throw signal.aborted ? new CommandError("interrupted") : error;
  } finally {
    signal.removeEventListener("abort", stop);
    await xs.close();
  }
}

export function compare(node: readonly Outcome[], xs: readonly Outcome[]): Compared[] {
  const [onNode, inXs] = [byName(node), byName(xs)];
  const names = new Set([...onNode.keys(), ...inXs.keys()]);
  return [...names].map(name => judge(name, onNode.get(name), inXs.get(name)));
}

/** Tests may have the same name: the second one becomes "name (2)". */
function byName(outcomes: readonly Outcome[]): Map<string, Outcome> {
  const named = new Map<string, Outcome>();
  for (const outcome of outcomes) {
    let { name } = outcome;
    for (let n = 2; named.has(name); n++) name = `${outcome.name} (${n})`;
    named.set(name, outcome);
  }
  return named;
}

function judge(name: string, node: Outcome | undefined, xs: Outcome | undefined): Compared {
  if (!node || !xs) return { name, verdict: "differs", ...(node ? { node } : {}), ...(xs ? { xs } : {}) };
  const both = { name, node, xs };
  if (node.error !== undefined || xs.error !== undefined) return { ...both, verdict: "failed" };
  if (node.skipped || xs.skipped) return { ...both, verdict: "skipped" };
  const same = JSON.stringify(node.dialogues) === JSON.stringify(xs.dialogues);
  return { ...both, verdict: same ? "passed" : "differs" };
}

function fileText({ file, tests, handlers }: FileReport): string {
  if (!tests.length) return `${file}\n  (no tests in it)`;
  return [file, ...tests.flatMap(testLines), ...costTable(handlers).map(line => `    ${line}`)].join("\n");
}

function testLines({ name, verdict, node, xs }: Compared): string[] {
  if (verdict === "passed") {
    const cost = xs!.instructions === undefined ? "" : `  ${count(xs!.instructions)} instructions`;
    return [`  ✔ ${name}${cost}`];
  }
  if (verdict === "skipped") return [`  ﹣ ${name} (skipped)`];
  if (verdict === "failed") {
    return [`  ✖ ${name}`, ...errorLines("on Node", node), ...errorLines("in XS", xs)];
  }
  return [`  ✖ ${name}: the engines differ`, ...differenceLines(node, xs)];
}

function errorLines(where: string, outcome: Outcome | undefined): string[] {
  if (outcome?.error === undefined) return [`      ${where}: passed`];
  return [`      ${where}:`, ...outcome.error.split("\n").map(line => `      ${line}`)];
}

/** The first line that differs. */
function differenceLines(node: Outcome | undefined, xs: Outcome | undefined): string[] {
  if (!node || !xs) return [`      it is there ${node ? "on Node" : "in XS"} only`];
  const onNode = node.dialogues.join("\n").split("\n");
  const inXs = xs.dialogues.join("\n").split("\n");
  const at = onNode.findIndex((line, i) => line !== inXs[i]);
  return [
    `      on Node: ${onNode[at] ?? "(the end)"}`,
    `      in XS:   ${inXs[at < 0 ? onNode.length : at] ?? "(the end)"}`,
  ];
}
