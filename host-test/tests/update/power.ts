// The power fails at every step of an update that changes flash, and between any two: whatever starts then was verified,
// and the next attempt succeeds. Runs on Node and in XS.

import { type Build, type Engine, TestBoard } from "./board.ts";
import type { Cut } from "./hardware.ts";
import { FileServer } from "./server.ts";

export interface PowerPlan {
  engine: Engine;
  key: Uint8Array;
  old: Build;
  next: Build;
  /** Firmware file of `next`. */
  file: Uint8Array;
}

export interface PowerReport {
  /** Steps of an update without a failure. */
  steps: number;
  /** What ran after the failure, and what the installer said of it: "1.0.0 state 0 status 3", and how often. */
  outcomes: Record<string, number>;
}

export interface Setting {
  /** Where the old firmware is. */
  slot: 0 | 1;
  /** Of the bootloader. */
  rollback: boolean;
  /** The board is switched off and on between download and update. */
  pause: boolean;
}

export const SETTINGS: readonly Setting[] = [0, 1].flatMap(slot =>
  [true, false].flatMap(rollback => [true, false].map(pause => ({ slot: slot as 0 | 1, rollback, pause }))),
);

/** What ran after the failures, and state and updateStatus that the server hears: all of them, in any order. */
export const OUTCOMES: readonly string[] = [
  "1.2.0 state 0 status 0", // before the download began, or in the bootloader
  "1.2.0 state 0 status 3 finished", // in the download
  "1.2.0 state 2 status 0", // between download and update
  "1.2.0 state 0 status 5 finished", // in the switch or the trial: it went back
  "1.10.0 state 0 status 0 finished",
  "1.10.0 state 0 status 0", // after the confirmation
];

export function failEverywhere(plan: PowerPlan, setting: Setting): PowerReport {
  const report: PowerReport = { steps: 0, outcomes: {} };
  report.steps = update(plan, setting).hardware.steps;
  for (const cut of ["before", "half"] as const) {
    for (let step = 1; step <= report.steps; step++) {
      const outcome = failAt(plan, setting, step, cut);
      report.outcomes[outcome] = (report.outcomes[outcome] ?? 0) + 1;
    }
  }
  return report;
}

function boardOf({ engine, key, old, next, file }: PowerPlan, { slot, rollback }: Setting): TestBoard {
  const board = new TestBoard(engine, { key }, [old, next], new FileServer(file), rollback);
  board.hardware.install(slot, old.image);
  board.hardware.steps = 0;
  return board;
}

function update(plan: PowerPlan, setting: Setting): TestBoard {
  const board = boardOf(plan, setting);
  if (!board.start() || !board.updateAndConfirm(setting.pause) || board.version !== plan.next.version) {
    throw new Error(`no update: ${board.heard.join(", ")}; ${board.lines.join(", ")}`);
  }
  return board;
}

function failAt(plan: PowerPlan, setting: Setting, step: number, cut: Cut): string {
  const board = boardOf(plan, setting);
  const { hardware } = board;
  hardware.failAt = step;
  hardware.cut = cut;
  if (board.start() && board.updateAndConfirm(setting.pause)) throw new Error(`the power did not fail at step ${step}`);
  hardware.failAt = Number.POSITIVE_INFINITY;
  const where = `step ${step} ${cut}, ${JSON.stringify(setting)}`;
  // It throws if the board starts what was not verified.
  if (!board.start() && !board.restarts) throw new Error(`${where}: does not start`);
  if (board.restarts) board.start();
  const { previousStart: left } = board.installer;
  const outcome = `${board.version} state ${left.state} status ${left.updateStatus}${left.finished ? " finished" : ""}`;
  board.confirm();
  if (board.version !== plan.next.version) {
    if (!board.updateAndConfirm() || board.version !== plan.next.version) {
      throw new Error(`${where}: no update afterwards: ${board.heard.join(", ")}; ${board.lines.join(", ")}`);
    }
  }
  // What is confirmed stays.
  hardware.off();
  if (!board.start() || board.version !== plan.next.version || board.installer.onTrial) {
    throw new Error(`${where}: the confirmed firmware did not stay`);
  }
  return outcome;
}
