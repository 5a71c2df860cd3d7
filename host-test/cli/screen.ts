// Lines that scroll by, and below them on a terminal a block that stays and is drawn anew with each line.

import type { Io } from "./command.ts";

const ERASE_BELOW = "\x1b[J";

export class Screen {
  readonly #stdout: Io["stdout"] & { readonly columns?: number; readonly rows?: number };
  readonly #block: (columns: number, rows: number) => string[];
  /** Lines of the block that are on the screen now. */
  #drawn = 0;

  /** @param block its lines, none longer than `columns` and not more than `rows` of them */
  constructor(stdout: Io["stdout"], block: (columns: number, rows: number) => string[]) {
    this.#stdout = stdout;
    this.#block = block;
  }

  print(line: string): void {
    const { columns = 80, rows = 24 } = this.#stdout;
    // One column less: a full line may or may not make the terminal begin a new one.
    const block = this.#block(columns - 1, Math.floor(rows / 2));
    this.#stdout.write([`${this.#erasing()}${line}`, ...block, ""].join("\n"));
    this.#drawn = block.length;
  }

  /** The block stays where it is. */
  end(): void {
    this.#drawn = 0;
  }

  #erasing(): string {
    return this.#drawn > 0 ? `\x1b[${this.#drawn}A\r${ERASE_BELOW}` : "";
  }
}
