// Figures of several batches as one, and figures and failures as text for people.

import type { Failure, Figures } from "./program.ts";

/** Lines of what happened that are shown, the last ones. */
const SHOWN = 100;

export function nothing(): Figures {
  return { runs: 0, frames: 0, mutated: 0, malformed: 0, chunks: 0, unclear: 0, texts: [] };
}

export function add(total: Figures, more: Figures): void {
  total.runs += more.runs;
  total.frames += more.frames;
  total.mutated += more.mutated;
  total.malformed += more.malformed;
  total.chunks += more.chunks;
  total.unclear += more.unclear;
  for (const [text, times] of more.texts) {
    const known = total.texts.find(one => one[0] === text);
    if (known) known[1] += times;
    else total.texts.push([text, times]);
  }
  if (more.failure) total.failure = more.failure;
}

export function describeFigures(figures: Figures): string {
  const { runs, frames, mutated, malformed, chunks, unclear } = figures;
  const texts = figures.texts
    .sort((a, b) => b[1] - a[1])
    .map(([text, times]) => `${String(times).padStart(8)} ${text}`);
  return [
    `${runs} runs, ${frames} frames in ${chunks} chunks, ${mutated} damaged, ${malformed} refused, ${unclear} runs given up`,
    ...texts,
  ].join("\n");
}

export function describeFailure(failure: Failure): string {
  const { seed, text, steps, left, log } = failure;
  return [
    `violation: ${text}`,
    `FUZZ_SEED=${seed} FUZZ_RUNS=1 repeats it; ${left} of ${steps} steps are enough:`,
    shown(log),
  ].join("\n");
}

/** How the run was set up, and the end of what happened in it. */
export function shown(log: readonly string[]): string {
  return [...log.slice(0, 1), ...log.slice(1).slice(-SHOWN)].map(line => `  ${line}`).join("\n");
}
