// For command.test.ts: a timer throws, and nobody catches it.

import { DEFAULT_DOMAIN } from "iotf-embedded";

console.error("domain", DEFAULT_DOMAIN);
const noRelay = new TypeError("no such relay");
setTimeout(() => {
  throw noRelay;
}, 1);
setInterval(() => {}, 1000);
