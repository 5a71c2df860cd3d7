// Runs mqtt-packet's published test suite on import and leaves the results for the host, as JSON.

import "mqtt-packet-test-suite";
import { results } from "./tape.ts";

(globalThis as { suiteResults?: string }).suiteResults = JSON.stringify(results);
