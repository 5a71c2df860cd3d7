// What is changed in mqtt-packet on its way into the bundle, as search-and-replace pairs. There is no copy of it in the
// tree: each pair names how often it must match in the installed version, and the build fails where it does not.

/**
 * Always applied:
 *   modules  CommonJS to ES modules, so that esbuild can leave out what nobody uses
 *   bytes    methods of Node's Buffer to what a plain Uint8Array can do
 *   numbers  the cache of 65,536 buffers is off before the first write
 *
 * What trimming is:
 *   debug    no debug calls
 *   caches   no cache of encoded lengths, none of numbers, no cork
 *   stream   numbers go to the stream as numbers: `PacketStream` in src/wire/mqtt-packet.d.ts says what it must offer
 *   reader   the parser has no table of states; after an error it begins anew
 *   mqtt5    no MQTT 5: without this group it is all there
 *   server   nothing that only a server writes or reads
 * The first four build on one another; mqtt5 and server can be left out, each by itself.
 */
export type Group = "modules" | "bytes" | "numbers" | "debug" | "caches" | "stream" | "reader" | "mqtt5" | "server";

export const ALWAYS: readonly Group[] = ["modules", "bytes", "numbers"];
export const TRIM: readonly Group[] = ["debug", "caches", "stream", "reader", "mqtt5", "server"];

/** `count`: exact number of matches, 1 when absent. A pair sees what the pairs above it made of the file. */
export type Patch = readonly [group: Group, find: string | RegExp, replace: string, count?: number];

const IMPORT_BUFFER = "import { Buffer } from 'buffer'";

const mqtt: readonly Patch[] = [
  [
    "modules",
    "exports.parser = require('./parser').parser",
    "import Parser from './parser.js'\nexport const parser = Parser.parser",
  ],
  ["modules", /exports\.(generate|writeToStream) = require\('(.*)'\)/g, "export { default as $1 } from '$2.js'", 2],
];

const packet: readonly Patch[] = [["modules", "module.exports = Packet", "export default Packet"]];

const numbers: readonly Patch[] = [
  ["modules", "const { Buffer } = require('buffer')", IMPORT_BUFFER],
  [
    "modules",
    /module\.exports = (\{[^:}]*generateNumber): generateBuffer,([^:}]*\})/g,
    "const generateNumber = generateBuffer\nexport $1,$2",
  ],
  ["bytes", /buffer\.writeUInt8\((.+), (.+)\)/g, "buffer[$2] = $1", 3],
  [
    "bytes",
    "buffer.writeUInt32BE(num, 0)",
    "buffer[0] = num >>> 24\n  buffer[1] = num >>> 16\n  buffer[2] = num >>> 8\n  buffer[3] = num",
  ],
];

const generate: readonly Patch[] = [
  ["modules", "const writeToStream = require('./writeToStream')", "import writeToStream from './writeToStream.js'"],
  ["modules", /const \{ (\w+) \} = require\('(\w+)'\)/g, "import { $1 } from '$2'", 2],
  ["modules", "module.exports =", "export default"],
  ["bytes", "list[i].copy(result, pos)", "result.set(list[i], pos)"],
  ["bytes", "result.write(list[i], pos)", "result.set(Buffer.from(list[i]), pos)"],
];

const constants: readonly Patch[] = [
  ["modules", "const protocol = module.exports\nconst { Buffer } = require('buffer')", IMPORT_BUFFER],
  ["modules", /^protocol\.(\w+) = /gm, "export const $1 = ", 56],
  ["modules", /\bprotocol\./g, "", 24],
  ["bytes", /buf\.writeUInt8\(([^,]*), 0, true\)/g, "buf[0] = $1"],

  // Nothing is computed at import, nothing stays that could be written to: neither costs a preloaded module RAM.
  ["stream", /^export const (\w+_HEADER|VERSION\d+) = .*\n/gm, "", 12],
  ["stream", /^export const QOS = [\s\S]*?^\}\)\n/gm, ""],
  ["stream", /^export const codes = [\s\S]*?^\}\n/gm, ""],
  [
    "stream",
    /^export const ACKS = [\s\S]*?^\}\n/gm,
    "export const ACKS = Object.freeze({ unsuback: 0xb0, puback: 0x40, pubcomp: 0x70, pubrel: 0x62, pubrec: 0x50 })\n",
  ],
  [
    "stream",
    /^export const EMPTY = [\s\S]*?^\}\n/gm,
    "export const EMPTY = Object.freeze({ pingreq: 0xc000, pingresp: 0xd000, disconnect: 0xe000 })\n",
  ],
  ["reader", /^(export const (?:types|requiredHeaderFlags) = )(\{[\s\S]*?^\})\n/gm, "$1Object.freeze($2)\n", 2],
  ["reader", /^export const requiredHeaderFlagsErrors = [\s\S]*?^\}\n/gm, ""],
  ["mqtt5", /^export const propertiesCodes = [\s\S]*?^\}\n/gm, ""],
];

const writeToStream: readonly Patch[] = [
  ["modules", /^const (\w+) = require\('(\.\/\w+)'\)$/gm, "import * as $1 from '$2.js'", 2],
  ["modules", "const { Buffer } = require('buffer')", IMPORT_BUFFER],
  [
    "modules",
    "const nextTick = require('process-nextick-args').nextTick",
    "import { nextTick } from 'process-nextick-args'",
  ],
  ["modules", "const debug = require('debug')(", "import createDebug from 'debug'\nconst debug = createDebug("],
  ["modules", "module.exports =", "export default"],
  ["bytes", /(\w+) instanceof Buffer/g, "Buffer.isBuffer($1)", 2],
  [
    "numbers",
    "let writeNumber = writeNumberCached\nlet toGenerate = true\n",
    "let writeNumber = writeNumberGenerated\nlet toGenerate = false\n",
  ],

  ["debug", /^ *debug\(.*\)\n/gm, "", 12],
  ["debug", /^import createDebug .*\nconst debug = .*\n/gm, ""],

  ["caches", "let writeNumber = writeNumberGenerated\nlet toGenerate = false\n", ""],
  [
    "caches",
    / {2}if \(stream\.cork\) \{\n.*\n.*\n {2}\}\n\n {2}if \(toGenerate\) \{\n.*\n {4}generateCache\(\)\n {2}\}\n/g,
    "",
  ],
  ["caches", /^Object\.defineProperty\(generate, 'cacheNumbers', \{\n[\s\S]*?^\}\)\n/gm, ""],
  ["caches", "function writeNumberGenerated (", "function writeNumber ("],
  ["caches", "const varByteIntCache = {}\n", ""],
  [
    "caches",
    / {2}let buffer = varByteIntCache\[num\]\n\n.*\n {4}(buffer = .*)\n {4}if \(num < 16384\) varByteIntCache.*\n {2}\}\n/g,
    "  const $1\n",
  ],

  [
    "stream",
    "stream.write(protocol.PUBLISH_HEADER[qos][settings.dup ? 1 : 0][retain ? 1 : 0])",
    "stream.writeByte(0x30 | (settings.dup ? 8 : 0) | qos << 1 | retain)",
  ],
  // Strings are encoded here, once: the length written before them is theirs.
  [
    "stream",
    "  const strlen = Buffer.byteLength(string)\n  writeNumber(stream, strlen)\n",
    "  const bytes = Buffer.from(string)\n  writeNumber(stream, bytes.length)\n",
  ],
  ["stream", "stream.write(string, 'utf8')", "stream.write(bytes)"],
  ["stream", /\bwriteNumber\(stream, (.+)\)$/gm, "stream.writeUInt16($1)", 12],
  ["stream", /stream\.write\(Buffer\.from\(\[(.+)\]\)\)/g, "stream.writeByte($1)", 20],
  [
    "stream",
    / {2}const buffer = genBufVariableByteInt\(num\)\n {2}return stream\.write\(buffer\)\n/g,
    "  while (num > 127) {\n    stream.writeByte(num & 127 | 128)\n    num >>= 7\n  }\n  return stream.writeByte(num)\n",
  ],
  ["stream", "stream.write(protocol.CONNECT_HEADER)", "stream.writeByte(0x10)"],
  ["stream", "stream.write(protocol.CONNACK_HEADER)", "stream.writeByte(0x20)"],
  ["stream", "stream.write(protocol.SUBACK_HEADER)", "stream.writeByte(0x90)"],
  ["stream", "stream.write(protocol.SUBSCRIBE_HEADER[1][dup ? 1 : 0][0])", "stream.writeByte(0x82 | dup)"],
  ["stream", "stream.write(protocol.UNSUBSCRIBE_HEADER[1][dup ? 1 : 0][0])", "stream.writeByte(0xa2 | dup)"],
  ["stream", / {2}const dup = \(settings\.dup && type === 'pubrel'\) .*\n {2}let qos = 0\n/g, ""],
  ["stream", "  if (type === 'pubrel') qos = 1\n", ""],
  ["stream", "stream.write(protocol.ACKS[type][qos][dup][0])", "stream.writeByte(protocol.ACKS[type])", 2],
  ["stream", "stream.write(protocol.EMPTY[packet.cmd])", "stream.writeUInt16(protocol.EMPTY[packet.cmd])"],
  [
    "stream",
    "stream.write(settings.sessionPresent ? protocol.SESSIONPRESENT_HEADER : zeroBuf)",
    "stream.writeByte(settings.sessionPresent ? 1 : 0)",
  ],
  ["stream", "const zeroBuf = Buffer.from([0])\n", ""],
  ["stream", "protocol.codes.disconnect << 4", "0xe0"],
  ["stream", "protocol.codes.auth << 4", "0xf0"],
  ["stream", "stream.write(\n    protocolVersion ===", "stream.writeByte(\n    protocolVersion ==="],
  ["stream", /protocol\.VERSION(\d+)/g, "$1", 5],
  ["stream", "protocol.SUBSCRIBE_OPTIONS_QOS[jqos]", "jqos"],

  [
    "mqtt5",
    "protocolVersion !== 3 && protocolVersion !== 4 && protocolVersion !== 5",
    "protocolVersion !== 3 && protocolVersion !== 4",
  ],
  ["mqtt5", /^ *case 'auth':\n.*\n/gm, ""],
  ["mqtt5", /^ {2}const version = opts \? opts\.protocolVersion : 4\n/gm, "", 9],
  ["mqtt5", /\b(protocolV|v)ersion === 5\b/g, "false", 24],
  ["mqtt5", /^ {2}if \(length === 3\) .*\n/gm, ""],
  ["mqtt5", /^ {2}const (properties|reasonCode) = settings\.\1\n/gm, "", 13],
  ["mqtt5", /^ {4}const j(nl|rap|rh) = \+?sub\.\1\n/gm, "", 3],
  ["mqtt5", /^ {2}let (propertiesData|willProperties)( = null)?\n/gm, "", 10],
  [
    "mqtt5",
    /^ {2}if \(propertiesData !==? null\) \{\n {4}propertiesData\.write\(\)\n {2}\}( else \{\n[\s\S]*?^ {2}\})?\n/gm,
    "",
    9,
  ],
  ["mqtt5", "    willProperties = {}\n", ""],
  [
    "mqtt5",
    /stream\.writeByte\(protocol\.ACKS\[type\]\)\n\n.*\n {2}writeVarByteInt\(stream, length\)\n/g,
    "stream.writeUInt16(protocol.ACKS[type] << 8 | length)\n",
    2,
  ],

  ["server", /^ *case '(connack|suback|unsuback)':\n.*\n/gm, "", 3],
  ["server", /^ *case 'pingresp':\n/gm, ""],
];

const method = (name: string) => new RegExp(`^ {2}${name} \\(.*\\) \\{\\n[\\s\\S]*?^ {2}\\}\\n`, "gm");

const parser: readonly Patch[] = [
  ["modules", "const bl = require('bl')", "import bl from 'bl'"],
  ["modules", "const { EventEmitter } = require('events')", "import { EventEmitter } from 'events'"],
  ["modules", "const Packet = require('./packet')", "import Packet from './packet.js'"],
  ["modules", "const constants = require('./constants')", "import * as constants from './constants.js'"],
  ["modules", "const debug = require('debug')(", "import createDebug from 'debug'\nconst debug = createDebug("],
  ["modules", "module.exports =", "export default"],

  ["debug", /^ *debug\(.*\)\n/gm, "", 46],
  ["debug", /^import createDebug .*\nconst debug = .*\n/gm, ""],

  [
    "reader",
    /^ {4}while \(\(this\.packet\.length !== -1 \|\| this\._list\.length > 0\) &&\n[\s\S]*?^ {4}\}\n/gm,
    `    while (this._list.length > 0 || this.packet.length !== -1) {
      if (this.packet.cmd === null && !this._parseHeader()) break
      if (this.packet.length === -1 && !this._parseLength()) break
      if (!this._parsePayload() || this.error) break
      this._newPacket()
    }
`,
  ],
  ["reader", /^ {4}this\._states = \[\n[\s\S]*?^ {4}\]\n/gm, ""],
  ["reader", "    this._stateCounter = 0\n", ""],
  [
    "reader",
    "constants.requiredHeaderFlagsErrors[cmdIndex]",
    "'Invalid header flag bits, must be 0x' + requiredHeaderFlags + ' for ' + this.packet.cmd + ' packet'",
  ],
  // Else the length of the first packet after an error is looked for where the last one ended.
  ["reader", "    this.error = null\n", "    this.error = null\n    this._pos = 0\n"],

  [
    "mqtt5",
    "packet.protocolVersion !== 3 && packet.protocolVersion !== 4 && packet.protocolVersion !== 5",
    "packet.protocolVersion !== 3 && packet.protocolVersion !== 4",
  ],
  ["mqtt5", /\b(this\.settings|packet)\.protocolVersion === 5/g, "false", 14],
  ["mqtt5", /^ *case 'auth':\n.*\n *break\n/gm, ""],
  ["mqtt5", method("(?:_parseAuth|_parseProperties|_parseByType|_parseStringPair|_parse4ByteNum)"), "", 5],

  ["server", /^ *case '(connect|subscribe|unsubscribe)':\n.*\n *break\n/gm, "", 3],
  ["server", /^ *case 'pingreq':\n/gm, ""],
  ["server", method("(?:_parseConnect|_parseSubscribe|_parseUnsubscribe)"), "", 3],
];

export const PATCHES: Readonly<Record<string, readonly Patch[]>> = {
  "mqtt.js": mqtt,
  "packet.js": packet,
  "numbers.js": numbers,
  "generate.js": generate,
  "constants.js": constants,
  "writeToStream.js": writeToStream,
  "parser.js": parser,
};
