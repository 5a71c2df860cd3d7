// A progress bar that is redrawn on a terminal; elsewhere one line for each 10 %.

import type { Io } from "../cli/command.ts";

const WIDTH = 30;
const STEP = 10;

export class Progress {
  readonly #stdout: Io["stdout"];
  readonly #name: string;
  #percent = -1;
  #ended = false;

  constructor(stdout: Io["stdout"], name: string) {
    this.#stdout = stdout;
    this.#name = name;
  }

  /** @param percent 0..100. A smaller one than before is a download that began again */
  show(percent: number): void {
    const shown = this.#stdout.isTTY ? percent : percent - (percent % STEP);
    if (this.#ended || shown === this.#percent) return;
    this.#percent = shown;
    this.#stdout.write(this.#stdout.isTTY ? `\r${this.#bar()}` : `${this.#name} ${shown} %\n`);
  }

  /** Nothing is shown after it. */
  end(): void {
    this.#ended = true;
    if (this.#stdout.isTTY && this.#percent >= 0) this.#stdout.write("\n");
  }

  #bar(): string {
    const full = Math.round((this.#percent * WIDTH) / 100);
    return `${this.#name} [${"#".repeat(full)}${"-".repeat(WIDTH - full)}] ${String(this.#percent).padStart(3)} %`;
  }
}
