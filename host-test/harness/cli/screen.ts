// Prints lines above a block of lines at the bottom of a terminal, which is redrawn with each line.

import type { Io } from "./command.ts";

const ERASE_BELOW = "\x1b[J";

export class Screen {
  readonly #stdout: Io["stdout"] & { readonly columns?: number; readonly rows?: number };
  readonly #block: (columns: number, rows: number) => string[];
  /** Lines of the block on the screen. */
  #drawn = 0;

  /** @param block returns at most `rows` lines of at most `columns` characters */
  constructor(stdout: Io["stdout"], block: (columns: number, rows: number) => string[]) {
    this.#stdout = stdout;
    this.#block = block;
  }

  print(line: string): void {
    const { columns = 80, rows = 24 } = this.#stdout;
    // One column less, because some terminals wrap after a full line.
    const block = this.#block(columns - 1, Math.floor(rows / 2));
    this.#stdout.write([`${this.#eraseBlock()}${line}`, ...block, ""].join("\n"));
    this.#drawn = block.length;
  }

  /** Leaves the block on the screen. */
  end(): void {
    this.#drawn = 0;
  }

  #eraseBlock(): string {
    return this.#drawn > 0 ? `\x1b[${this.#drawn}A\r${ERASE_BELOW}` : "";
  }
}
