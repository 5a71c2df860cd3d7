// The one bundle: the public exports, and what other entries of the package (HTTP, the adapters of the engines) share with
// it.

export { consistsOf, DIGITS, endOfSpan, hasForm, LETTERS, lowerCase } from "./device/characters.ts";
export { Codecs, parsesJson, wantsTime } from "./device/codec/index.ts";
export { boundsFault } from "./device/codec/json-bounds.ts";
export { encodePayload } from "./device/codec/payload.ts";
export { jsonText, payloadJson } from "./device/codec/text.ts";
export { configure } from "./device/config.ts";
export { checked, wrong } from "./device/option-values.ts";
export { levelFault } from "./device/topic.ts";
export * from "./index.ts";
export { checkHosts } from "./mqtt/hosts.ts";
export { checkLimits } from "./mqtt/options.ts";
export { encodeUtf8 } from "./utf8.ts";
