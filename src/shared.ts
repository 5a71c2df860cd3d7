// What the other entries (HTTP, configuration files of Node) take from the bundle, so that there is one of each. Not for
// applications, and not in the declarations of the package.

export { Codecs, wantsTime } from "./codec/index.ts";
export { encodePayload } from "./codec/payload.ts";
export { encodeUtf8 } from "./codec/utf8.ts";
export { checked, configure, type DeviceConfig } from "./config.ts";
export { levelFault } from "./topic.ts";
