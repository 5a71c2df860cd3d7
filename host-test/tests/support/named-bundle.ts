// The bundle for devices before the build shortens names: for what looks at private fields by their names in src/.

import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { bundle } from "../../../targets/bundle/bundle.ts";
import { withFolder } from "./folder.ts";

const ENTRY = fileURLToPath(new URL("../../../src/bundle.ts", import.meta.url));

/** Calls `use` with the file. It is gone when the promise of `use` has ended. */
export function withNamedBundle<T>(use: (file: string) => Promise<T>): Promise<T> {
  return withFolder(async folder => {
    const outfile = join(folder, "bundle.js");
    await bundle({ entry: ENTRY, minify: true, outfile });
    return use(outfile);
  });
}
