// How does a person read what the platform does? One line per happening.

import { toLine, watchPlatform } from "./happening.ts";
import type { Platform } from "./platform.ts";

export function logTo(platform: Platform, write: (line: string) => void): void {
  watchPlatform(platform, happening => write(toLine(happening)));
}
