// `npm run docs`: writes docs/reference.md.

import { writeFileSync } from "node:fs";
import { REFERENCE_FILE, reference } from "./reference.ts";

writeFileSync(REFERENCE_FILE, reference());
