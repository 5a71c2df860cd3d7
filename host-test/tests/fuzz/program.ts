// The fuzz loop itself, in one module that runs on Node and inside XS: seeds in, figures or the first violation out.

import { type Plan, type Planned, planOf } from "./plan.ts";
import { add, nothing } from "./report.ts";
import { type Library, Stage, type Witness } from "./stage.ts";

export interface Figures {
  runs: number;
  frames: number;
  mutated: number;
  malformed: number;
  chunks: number;
  /** Runs given up because nobody can say which of two packets the client refused. */
  unclear: number;
  /** Protocol error texts, their numbers taken out, and how often each was seen. */
  texts: [string, number][];
  failure?: Failure;
}

export interface Failure {
  /** Of the one run that fails: FUZZ_SEED with FUZZ_RUNS=1. */
  seed: number;
  text: string;
  /** Steps of the plan at first, and after shrinking. */
  steps: number;
  left: number;
  /** What happened in the shortest run found, in order. */
  log: string[];
}

export interface Program {
  /** Runs the plans of `count` seeds from `seed` on, each against a new client; stops at the first violation. */
  run(order: { seed: number; count: number }): Figures;
}

const MOST_TRIES = 600;

export function start(lib: Library, witness?: Witness): Program {
  return {
    run: ({ seed, count }) => {
      const figures = nothing();
      for (let i = 0; i < count && !figures.failure; i++) add(figures, one((seed + i) >>> 0));
      return figures;
    },
  };

  function one(seed: number): Figures {
    const plan = planOf(seed);
    const { model, mutated, chunks } = played(plan, plan.steps);
    const { frames, malformed, unclear } = model;
    const texts = Array.from(model.texts);
    const figures: Figures = { runs: 1, frames, mutated, malformed, chunks, unclear: unclear ? 1 : 0, texts };
    if (model.failure) figures.failure = shrunk(seed, plan, kindOf(model));
    return figures;
  }

  function played(plan: Plan, steps: readonly Planned[], log?: string[]): Stage {
    const stage = new Stage(lib, plan, witness);
    stage.log = log;
    stage.play(steps);
    if (!stage.model.failure && !stage.model.unclear) stage.finish();
    return stage;
  }

  // Leaves out ever smaller parts as long as it still fails in the same way.
  function shrunk(seed: number, plan: Plan, kind: string): Failure {
    const steps = calmed(plan, fewest(plan, kind), kind);
    const log: string[] = [`limits ${JSON.stringify(plan.limits)}, clean ${plan.clean}, keep-alive ${plan.keepAlive}`];
    const text = played(plan, steps, log).model.failure!;
    return { seed, text, steps: plan.steps.length, left: steps.length, log };
  }

  function fewest(plan: Plan, kind: string): readonly Planned[] {
    let steps: readonly Planned[] = plan.steps;
    let tries = 0;
    for (let size = steps.length; size >= 1; size = Math.floor(size / 2)) {
      for (let at = steps.length - size; at >= 0 && tries < MOST_TRIES; at -= size) {
        const fewer = [...steps.slice(0, at), ...steps.slice(at + size)];
        tries++;
        if (kindOf(played(plan, fewer).model) === kind) steps = fewer;
        at = Math.min(at, steps.length);
      }
    }
    return steps;
  }

  // The same with bursts as short as they may be.
  function calmed(plan: Plan, steps: readonly Planned[], kind: string): readonly Planned[] {
    let calm = steps;
    for (let i = 0; i < steps.length; i++) {
      for (let times = timesOf(calm[i]!) >> 1; times > 0; times >>= 1) {
        const fewer = calm.map((one, at) => (at === i ? shorter(one, times) : one));
        if (kindOf(played(plan, fewer).model) !== kind) break;
        calm = fewer;
      }
    }
    return calm;
  }
}

// The text without what another run would have otherwise.
function kindOf({ failure }: { failure: string | undefined }): string {
  return (failure ?? "").replace(/[\d,]+/g, "N").slice(0, 24);
}

function timesOf({ step }: Planned): number {
  return step.do === "frame" ? step.times : 0;
}

function shorter(one: Planned, times: number): Planned {
  return { step: { ...one.step, times } as Planned["step"], seed: one.seed };
}
