// The changes to mqtt-packet when it is bundled, as search-and-replace pairs: this repository has no copy of it. Each pair
// names how often it must match in the installed version; otherwise the build fails. A patch removes or simplifies, it
// adds no framer (docs/decisions/framer.md). docs/decisions/mqtt-packet-patches.md has those that upstream could want.

/**
 * Always applied:
 *   modules  CommonJS to ES modules, so that esbuild can leave out what nobody uses
 *   bytes    methods of Node's Buffer to what a plain Uint8Array can do
 *   numbers  the cache of 65,536 buffers is off before the first write
 *
 * Trimming:
 *   debug    no debug calls
 *   caches   no cache of encoded lengths, none of numbers, no cork
 *   stream   numbers go to the stream as numbers: `PacketStream` in src/mqtt/wire/mqtt-packet.d.ts says what it must offer
 *   pull     parse(frame) takes one whole packet, a Uint8Array, and returns it: no list of buffers, no events, no states
 *   callers  no checks of what src/mqtt/wire guarantees: encoder.ts and the options of a packet that is generated,
 *            decoder.ts of the length of one that is parsed (host-test/tests/mqtt-packet/refusals.test.ts)
 *   mqtt5    no MQTT 5: without this group it is all there
 *   server   nothing that only a server writes or reads
 *   unused   code of the parser that does nothing without MQTT 5 and the server side; goes with these two
 * The first four build on one another, and mqtt5 on callers. callers and mqtt5 can be left out together, server by itself.
 */
export type Group =
  | "modules"
  | "bytes"
  | "numbers"
  | "debug"
  | "caches"
  | "stream"
  | "pull"
  | "callers"
  | "mqtt5"
  | "server"
  | "unused";

export const ALWAYS: readonly Group[] = ["modules", "bytes", "numbers"];
export const TRIM: readonly Group[] = ["debug", "caches", "stream", "pull", "callers", "mqtt5", "server", "unused"];

/** `count`: exact number of matches, 1 when absent. A pair sees what the pairs above it made of the file. */
export type Patch = readonly [group: Group, find: string | RegExp, replace: string, count?: number];

const IMPORT_BUFFER = "import { Buffer } from 'buffer'";

const mqtt: readonly Patch[] = [
  [
    "modules",
    "exports.parser = require('./parser').parser",
    "import Parser from './parser.js'\nexport const parser = Parser.parser",
  ],
  ["pull", "Parser.parser", "options => new Parser(options)"],
  ["modules", /exports\.(generate|writeToStream) = require\('(.*)'\)/g, "export { default as $1 } from '$2.js'", 2],
  // The most frequent packets have functions of their own.
  [
    "modules",
    "default as writeToStream }",
    "default as writeToStream, publish as writePublish, confirmation as writeAcknowledgement }",
  ],
];

const packet: readonly Patch[] = [
  ["modules", "module.exports = Packet", "export default Packet"],
  // In XS, an object that is written as a whole takes fewer instructions than a constructor.
  ["pull", "class Packet {\n  constructor () {\n", "const newPacket = () => ({\n"],
  ["pull", /^ {4}this\.(\w+) = (.+)$/gm, "  $1: $2,", 7],
  ["pull", "  }\n}\n", "})\n"],
  ["pull", "export default Packet", "export default newPacket"],
];

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

  // Nothing is computed at import and every object is frozen, so that a preloaded module costs no RAM.
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
  ["pull", /^(export const (?:types|requiredHeaderFlags) = )(\{[\s\S]*?^\})\n/gm, "$1Object.freeze($2)\n", 2],
  ["pull", /^export const requiredHeaderFlagsErrors = [\s\S]*?^\}\n/gm, ""],
  ["mqtt5", /^export const propertiesCodes = [\s\S]*?^\}\n/gm, ""],

  ["mqtt5", /^ {2}(?:14|15): '\w+',?\n/gm, "", 2],
  ["server", /^ {2}(?:0|1|8|10|12): '\w+',\n/gm, "", 5],
  ["server", /^export const requiredHeaderFlags = [\s\S]*?^\}\)\n/gm, ""],
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
  ["modules", /function (publish|confirmation) \(/g, "export function $1 (", 2],
  ["bytes", /(\w+) instanceof Buffer/g, "Buffer.isBuffer($1)", 2],
  ["bytes", "stream.write(string, 'utf8')", "stream.write(Buffer.from(string))"],
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
  // Encodes a string once: for its length and for its bytes.
  [
    "stream",
    "  const strlen = Buffer.byteLength(string)\n  writeNumber(stream, strlen)\n",
    "  const bytes = Buffer.from(string)\n  writeNumber(stream, bytes.length)\n",
  ],
  ["stream", "stream.write(Buffer.from(string))", "stream.write(bytes)"],
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

  // The encoder calls publish() and confirmation() itself, without an object for the packet.
  ["callers", / {4}case 'pub\w+':\n(?: {6}return .*\n)?/g, "", 5],
  [
    "callers",
    /publish \(packet, stream, opts\) \{\n((?:.*\n)+?) {2}const settings = .*\n(?: {2}const (?:qos|retain|topic|payload|id) = .*\n){5}/g,
    "publish (stream, topic, payload, qos, retain, dup, id) {\n$1",
  ],
  [
    "callers",
    /confirmation \(packet, stream, opts\) \{\n((?:.*\n)+?) {2}const settings = .*\n(?: {2}const (?:type|id) = .*\n){2}/g,
    "confirmation (stream, type, id) {\n$1",
  ],
  // The fixed header of a short PUBLISH is two bytes.
  [
    "callers",
    / {2}stream\.writeByte\(0x30 \| \(settings\.dup (\? .*) \| retain\)\n\n.*\n {2}writeVarByteInt\(stream, length\)\n/g,
    "  const first = 0x30 | (dup $1 | (retain ? 1 : 0)\n  if (length < 128) stream.writeUInt16(first << 8 | length)\n" +
      "  else {\n    stream.writeByte(first)\n    writeVarByteInt(stream, length)\n  }\n",
  ],
  ["callers", /\bpacket \|\| \{\}/g, "packet", 8],
  [
    "callers",
    / {2}\/\/ Check message ID\n {2}if \(typeof id .*\n.*\n.*\n {2}\}(?: else (length \+= 2))?\n/g,
    "  $1\n",
    4,
  ],
  [
    "callers",
    / {2}let length = 0\n\n {2}\/\/ Topic must be a non-empty [\s\S]*?\} else if \(qos\) length \+= 2\n/g,
    "  let length = topic.length + payload.length + (qos > 0 ? 4 : 2)\n",
  ],
  ["callers", "byteLength(topic)", "topic.length"],
  ["callers", /settings\.(keepalive|clientId) \|\| .*/g, "settings.$1", 2],
  ["callers", "settings.protocolId || 'MQTT'", "'MQTT'"],
  ["callers", "settings.protocolVersion || 4", "4"],
  ["callers", "  if (clean === undefined) clean = true\n", ""],
  [
    "callers",
    / {2}\/\/ Must be a string and non-falsy\n[\s\S]*?\} else (length \+= protocolId\.length \+ 2)\n/g,
    "  $1\n",
  ],
  ["callers", / {2}\/\/ Must be 3 or 4 or 5\n[\s\S]*?\} else (length \+= 1)\n/g, "  $1\n"],
  [
    "callers",
    / {2}\/\/ ClientId might be omitted [\s\S]*? {2}\/\/ Must be a two byte number\n[\s\S]*?\} else (length \+= 2)\n/g,
    "  length += Buffer.byteLength(clientId) + 2\n  $1\n",
  ],
  [
    "callers",
    / {4}\/\/ It must be an object\n[\s\S]*?( {4}\/\/ will properties\n)/g,
    "    length += Buffer.byteLength(will.topic) + 2 + byteLength(will.payload) + 2\n$1",
  ],
  [
    "callers",
    / {2}let providedUsername = false\n[\s\S]*?( {2}\/\/ Generate header\n)/g,
    "  if (username != null) length += byteLength(username) + 2\n  if (password != null) length += byteLength(password) + 2\n$1",
  ],
  // No bridge: the byte is the protocol version.
  ["callers", / {2}if \(settings\.bridgeMode\) \{[\s\S]*?\n {2}\)\n/g, "  stream.writeByte(protocolVersion)\n"],
  // A client resends neither SUBSCRIBE nor UNSUBSCRIBE with DUP: MQTT 3.1.1 reserves the bit.
  ["callers", / {2}const dup = settings\.dup \? protocol\.DUP_MASK : 0\n/g, "", 3],
  ["callers", /stream\.writeByte\((0x[8a]2) \| dup\)/g, "stream.writeByte($1)", 2],
  ["callers", / {6}if \(typeof i(?:topic|qos) !== '\w+'\) \{\n.*\n.*\n {6}\}\n/g, "", 2],
  ["callers", "      const iqos = subs[i].qos\n", ""],
  // In XS an index takes less code than an iterator.
  [
    "callers",
    "  for (const sub of subs) {\n",
    "  for (let i = 0; i < subs.length; i += 1) {\n    const sub = subs[i]\n",
  ],
  ["callers", / {6}if \(typeof unsubs\[i\] !== 'string'\) \{\n.*\n.*\n {6}\}\n/g, ""],
  [
    "callers",
    / {2}if \(typeof (?:un)?subs === 'object' && \w+\.length\) \{\n([\s\S]*?\n) {2}\} else \{\n.*\n.*\n {2}\}\n/g,
    "$1",
    2,
  ],
  ["callers", / {2}if \(typeof id !== 'number'\) \{\n.*\n.*\n {2}\} else \{\n {4}(length \+= 2)\n {2}\}\n/g, "  $1\n"],
  ["callers", / {2}if \(num > protocol\.VARBYTEINT_MAX\) \{\n[\s\S]*?\n {2}\}\n/g, ""],

  // The encoder asks for the packets of a client only.
  ["callers", / {4}default:\n {6}stream\.destroy\(new Error\('Unknown command'\)\)\n {6}return false\n/g, ""],

  ["mqtt5", /^ *case 'auth':\n.*\n/gm, ""],
  ["mqtt5", /\(packet, stream, opts\)/g, "(packet, stream)", 18],
  ["mqtt5", /^ {2}const version = opts \? opts\.protocolVersion : 4\n/gm, "", 9],
  ["mqtt5", /\b(protocolV|v)ersion === 5\b/g, "false", 23],
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

  ["pull", "import bl from 'bl'\nimport { EventEmitter } from 'events'\n", "import { decode } from 'buffer'\n"],
  ["pull", "import Packet from", "import newPacket from"],
  [
    "pull",
    /^class Parser extends EventEmitter \{\n[\s\S]*?^ {2}_parseHeader/gm,
    `class Parser {
  constructor (options) {
    this.settings = options || {}
    this.packet = null
    this.error = null
    this._list = null
    this._pos = 0
  }

  parse (buf) {
    this.packet = newPacket()
    this.error = null
    this._list = buf
    this._pos = 1
    if (this._parseHeader()) {
      this.packet.length = this._parseVarByteNum()
      if (!this.error) this._parsePayload()
    }
    const packet = this.error ? null : this.packet
    this.packet = this._list = null
    return packet
  }

  _parseHeader`,
  ],
  ["pull", method("(?:_parseLength|_newPacket)"), "", 2],
  ["pull", "    // There is at least one byte in the buffer\n", "    const packet = this.packet\n"],
  ["pull", "this._list.readUInt8(0)", "this._list[0]"],
  ["pull", /this\.packet\.(cmd =|cmd \+|retain|qos|dup)/g, "packet.$1", 7],
  ["pull", "    this._list.consume(1)\n\n", ""],
  [
    "pull",
    "constants.requiredHeaderFlagsErrors[cmdIndex]",
    "'Invalid header flag bits, must be 0x' + requiredHeaderFlags + ' for ' + this.packet.cmd + ' packet'",
  ],
  ["pull", / {4}let result = false\n\n.*\n.*\n {4}if \(this\.packet\.length === 0 .*\n {6}this\._pos = 0\n/g, ""],
  ["pull", "\n      result = true\n    }\n    return result\n", ""],
  [
    "pull",
    /^ {2}_parseVarByteNum \(.*\) \{\n[\s\S]*?^ {2}\}\n/gm,
    `  _parseVarByteNum () {
    let mul = 1
    let value = 0
    while (mul < 0x10000000) {
      const current = this._list[this._pos++]
      value += mul * (current & constants.VARBYTEINT_MASK)
      if (!(current & constants.VARBYTEINT_FIN_MASK)) return value
      mul *= 0x80
    }
    this._emitError(new Error('Invalid variable byte integer'))
  }
`,
  ],
  // Positions are absolute, and the packet ends with its bytes.
  ["pull", /this\._list\.readUInt8\(([^)]+)\)/g, "this._list[$1]", 14],
  [
    "pull",
    method("_parseNum"),
    "  _parseNum () {\n    const list = this._list\n    const pos = this._pos\n    if (list.length - pos < 2) return -1\n" +
      "    this._pos = pos + 2\n    return list[pos] << 8 | list[pos + 1]\n  }\n",
  ],
  [
    "pull",
    "const result = this._list.readUInt32BE(this._pos)\n    this._pos += 4\n",
    "const result = this._parseNum() * 0x10000 + this._parseNum()\n",
  ],
  ["pull", /this\._pos < (?:this\.)?packet\.length/g, "this._pos < this._list.length", 4],
  ["pull", "this._pos >= packet.length", "this._pos >= this._list.length"],
  ["pull", " || end > this.packet.length", "", 2],
  ["pull", "this._list.toString('utf8', this._pos, end)", "decode(this._list, this._pos, end)"],
  ["pull", "this._list.slice(this._pos, end)", "this._list.subarray(this._pos, end)"],
  ["pull", "this._list.slice(this._pos, packet.length)", "this._list.subarray(this._pos)"],
  ["pull", /this\._list\.length (?:>= 2|> 0)/g, "this._pos < this._list.length", 2],
  // Accepted as published: a CONNACK without a return code.
  [
    "pull",
    /if \(this\._list\.length < [12]\) return null/g,
    "if (this._pos >= this._list.length) return this._emitError(new Error('Packet too short'))",
    2,
  ],
  ["pull", "    this.emit('error', err)\n", ""],

  // src/mqtt/wire/decoder.ts has checked the length of each packet, and passes its whole frame.
  [
    "callers",
    "this.packet.length = this._parseVarByteNum()\n      if (!this.error) this._parsePayload()\n",
    "let pos = 1\n      while (buf[pos++] & constants.VARBYTEINT_FIN_MASK);\n" +
      "      this._pos = pos\n      this.packet.length = buf.length - pos\n      this._parsePayload()\n",
  ],
  ["callers", / {4}if \(packet\.length <= 0\) \{ return .*\n/g, "", 4],
  [
    "callers",
    / {4}if \(this\._pos >= this\._list\.length\) return this\._emitError\(new Error\('Packet too short'\)\)\n/g,
    "",
    3,
  ],
  [
    "callers",
    / {4}if \(\(this\.settings\.protocolVersion === 3 \|\|\n.*\) && packet\.length !== 2\) \{\n.*\n {4}\}\n/g,
    "",
  ],
  ["callers", / {4}if \(packet\.returnCode === -1 \|\| .*\n/g, ""],

  [
    "mqtt5",
    "packet.protocolVersion !== 3 && packet.protocolVersion !== 4 && packet.protocolVersion !== 5",
    "packet.protocolVersion !== 3 && packet.protocolVersion !== 4",
  ],
  ["mqtt5", /\b(this\.settings|packet)\.protocolVersion === 5/g, "false", 14],
  ["mqtt5", "    this.settings = options || {}\n", ""],
  ["mqtt5", "this.settings = packet", "this.bridgeMode = packet.bridgeMode"],
  ["mqtt5", "this.settings.bridgeMode", "this.bridgeMode"],
  ["mqtt5", "this._parseConfirmation()", "this._parseMessageId()"],
  ["mqtt5", /^ *case 'disconnect':\n.*\n *break\n/gm, ""],
  ["mqtt5", /^ *case 'auth':\n.*\n *break\n/gm, ""],
  [
    "mqtt5",
    method(
      "(?:_parseAuth|_parseConfirmation|_parseDisconnect|_parseProperties|_parseByType|_parseStringPair|_parse4ByteNum)",
    ),
    "",
    7,
  ],

  ["server", "constants.requiredHeaderFlags[cmdIndex]", "cmdIndex === 3 ? null : cmdIndex === 6 ? 2 : 0"],
  ["server", /^ *case '(connect|subscribe|unsubscribe)':\n.*\n *break\n/gm, "", 3],
  ["server", /^ *case 'pingreq':\n/gm, ""],
  ["server", method("(?:_parseConnect|_parseSubscribe|_parseUnsubscribe)"), "", 3],

  ["unused", method("(?:_parseBuffer|_parseByte|_parseVarByteNum)"), "", 3],
  ["unused", "    this._list = buf\n    this._pos = 1\n", "    this._list = buf\n"],
  ["unused", / {4}if \(packet\.messageId === null\) \{\n.*\n.*\n {4}\}\n/g, ""],
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
