// Where is a package that the user has installed, such as the XS engine or esbuild?

import { createRequire } from "node:module";
import { join } from "node:path";

/** Path of a package: beside this one, or in the project of the current folder. @throws Error if it is in neither */
export function installed(name: string): string {
  for (const from of [import.meta.url, join(process.cwd(), "package.json")]) {
    try {
      return createRequire(from).resolve(name);
    } catch {}
  }
  throw new Error(`${name} is not installed`);
}
