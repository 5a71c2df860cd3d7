// A user's device program in XS, over real sockets, until it ends or is ended; then what it cost.

import type { Io } from "../cli/command.ts";
import type { HandlerCost } from "./device/meter.ts";
import { buildProgram } from "./program.ts";
import { type Footprint, footprint, handlerCosts, startDeviceXs } from "./session.ts";
import { costTable, count, heapText } from "./text.ts";

export interface RunOptions {
  json: boolean;
  /** undefined: until Ctrl-C, or until nothing can happen any more. */
  seconds: number | undefined;
  config: Readonly<Record<string, string>>;
}

interface Report {
  /** What was thrown and caught by nobody. */
  errors: string[];
  /** Instructions of the program's main module. */
  startInstructions: number;
  handlers: HandlerCost[];
  /** What the program added to the engine with the package in it. */
  heap: { started: Footprint; ended: Footprint };
}

export async function runInXs(file: string, options: RunOptions, io: Io): Promise<number> {
  const program = await buildProgram({ file, target: "xs", config: options.config });
  const say = (text: string) => void (options.json ? io.stderr : io.stdout).write(`${text}\n`);
  const errors: string[] = [];
  let end: () => void = () => {};
  const ended = new Promise<void>(resolve => {
    end = resolve;
  });
  try {
    const caught = (error: Error) => {
      errors.push(error.message);
      io.stderr.write(`${program.located(error.stack!.replace(/^XsError: /, "uncaught: "))}\n`);
      end();
    };
    const xs = await startDeviceXs({ onTrace: say, onError: caught, onIdle: () => end() });
    try {
      const empty = footprint(await xs.heap());
      await xs.import(program.path).catch(caught);
      const startInstructions = xs.meter.computrons;
      const started = footprint(await xs.heap(), empty);
      if (xs.idle) end();
      await until(ended, options.seconds, io.signal);
      // After a crash there is no engine to ask.
      const costs = await handlerCosts(xs).catch(() => undefined);
      if (!costs) return 1;
      const heap = { started, ended: footprint(await xs.heap(), empty) };
      const report: Report = { errors, startInstructions, handlers: costs, heap };
      if (options.json) io.stdout.write(`${JSON.stringify(report)}\n`);
      else say(reportText(report));
      return errors.length ? 1 : 0;
    } finally {
      await xs.close();
    }
  } finally {
    await program.remove();
  }
}

async function until(ended: Promise<void>, seconds: number | undefined, signal: AbortSignal): Promise<void> {
  const stops: Promise<unknown>[] = [ended];
  let timer: NodeJS.Timeout | undefined;
  let abort: () => void = () => {};
  stops.push(
    new Promise<void>(resolve => {
      abort = resolve;
      if (seconds !== undefined) timer = setTimeout(resolve, seconds * 1000);
      if (signal.aborted) resolve();
      signal.addEventListener("abort", abort);
    }),
  );
  await Promise.race(stops);
  clearTimeout(timer);
  signal.removeEventListener("abort", abort);
}

function reportText({ startInstructions, handlers, heap }: Report): string {
  return [
    "",
    `starting took ${count(startInstructions)} instructions`,
    ...costTable(handlers),
    `heap of the program, when started: ${heapText(heap.started)}`,
    `                    at the end:   ${heapText(heap.ended)}`,
  ].join("\n");
}
