// What is changed in mqtt-packet on its way into the bundle, as small search-and-replace pairs. There is no copy of it in
// the tree: each pair names how often it must match in the installed version, and the build fails where it does not.

export interface Patch {
  /** File of mqtt-packet. */
  file: string;
  group: Group;
  find: string | RegExp;
  replace: string;
  /** Exact number of matches. 1 when absent. */
  count?: number;
}

/**
 * Always applied:
 *   modules  CommonJS to ES modules, so that esbuild can leave out what nobody uses
 *   bytes    methods of Node's Buffer to what a plain Uint8Array can do
 *   numbers  the cache of 65,536 buffers off before the first write
 * What trimming is:
 *   debug    no debug calls
 *   caches   no cache of lengths, none of numbers, no cork
 *   stream   numbers go to the stream as numbers, a PUBLISH straight into its buffer: see PacketStream in
 *            src/wire/mqtt-packet.d.ts
 *   reader   the parser looks at its bytes without a call for each, in four steps instead of a table of states
 *   mqtt5    no MQTT 5: leave this group out to have it back
 *   server   no packets that only a server writes or reads
 */
export type Group = "modules" | "bytes" | "numbers" | "debug" | "caches" | "stream" | "reader" | "mqtt5" | "server";

export const ALWAYS: readonly Group[] = ["modules", "bytes", "numbers"];
export const TRIM: readonly Group[] = ["debug", "caches", "stream"];

const IMPORT_BUFFER = "import { Buffer } from 'buffer'";

export const PATCHES: readonly Patch[] = [
  {
    file: "mqtt.js",
    group: "modules",
    find: "exports.parser = require('./parser').parser",
    replace: "import Parser from './parser.js'\nexport const parser = Parser.parser",
  },
  {
    file: "mqtt.js",
    group: "modules",
    find: /exports\.(generate|writeToStream) = require\('(.*)'\)/g,
    replace: "export { default as $1 } from '$2.js'",
    count: 2,
  },

  {
    file: "packet.js",
    group: "modules",
    find: "module.exports = Packet",
    replace: "export default Packet",
  },

  {
    file: "numbers.js",
    group: "modules",
    find: "const { Buffer } = require('buffer')",
    replace: IMPORT_BUFFER,
  },
  {
    file: "numbers.js",
    group: "modules",
    find: /module\.exports = (\{[^:}]*generateNumber): generateBuffer,([^:}]*\})/g,
    replace: "const generateNumber = generateBuffer\nexport $1,$2",
  },
  {
    file: "numbers.js",
    group: "bytes",
    find: /buffer\.writeUInt8\((.+), (.+)\)/g,
    replace: "buffer[$2] = $1",
    count: 3,
  },
  {
    file: "numbers.js",
    group: "bytes",
    find: "buffer.writeUInt32BE(num, 0)",
    replace: "buffer[0] = num >>> 24; buffer[1] = num >>> 16; buffer[2] = num >>> 8; buffer[3] = num",
  },

  {
    file: "constants.js",
    group: "modules",
    find: "const protocol = module.exports\nconst { Buffer } = require('buffer')",
    replace: IMPORT_BUFFER,
  },
  {
    file: "constants.js",
    group: "modules",
    find: /^protocol\.(\w+) = /gm,
    replace: "export const $1 = ",
    count: 56,
  },
  {
    file: "constants.js",
    group: "modules",
    find: /\bprotocol\./g,
    replace: "",
    count: 24,
  },
  {
    file: "constants.js",
    group: "bytes",
    find: /buf\.writeUInt8\(([^,]*), 0, true\)/g,
    replace: "buf[0] = $1",
  },

  {
    file: "generate.js",
    group: "modules",
    find: "const writeToStream = require('./writeToStream')",
    replace: "import writeToStream from './writeToStream.js'",
  },
  {
    file: "generate.js",
    group: "modules",
    find: /const \{ (\w+) \} = require\('(\w+)'\)/g,
    replace: "import { $1 } from '$2'",
    count: 2,
  },
  { file: "generate.js", group: "modules", find: "module.exports =", replace: "export default" },
  { file: "generate.js", group: "bytes", find: "list[i].copy(result, pos)", replace: "result.set(list[i], pos)" },
  {
    file: "generate.js",
    group: "bytes",
    find: "result.write(list[i], pos)",
    replace: "result.set(Buffer.from(list[i]), pos)",
  },

  {
    file: "writeToStream.js",
    group: "modules",
    find: /^const (\w+) = require\('(\.\/\w+)'\)$/gm,
    replace: "import * as $1 from '$2.js'",
    count: 2,
  },
  {
    file: "writeToStream.js",
    group: "modules",
    find: "const { Buffer } = require('buffer')",
    replace: IMPORT_BUFFER,
  },
  {
    file: "writeToStream.js",
    group: "modules",
    find: "const nextTick = require('process-nextick-args').nextTick",
    replace: "import { nextTick } from 'process-nextick-args'",
  },
  {
    file: "writeToStream.js",
    group: "modules",
    find: "const debug = require('debug')(",
    replace: "import createDebug from 'debug'\nconst debug = createDebug(",
  },
  { file: "writeToStream.js", group: "modules", find: "module.exports =", replace: "export default" },
  {
    file: "writeToStream.js",
    group: "bytes",
    find: /(\w+) instanceof Buffer/g,
    replace: "Buffer.isBuffer($1)",
    count: 2,
  },

  { file: "parser.js", group: "modules", find: "const bl = require('bl')", replace: "import bl from 'bl'" },
  {
    file: "parser.js",
    group: "modules",
    find: "const { EventEmitter } = require('events')",
    replace: "import { EventEmitter } from 'events'",
  },
  {
    file: "parser.js",
    group: "modules",
    find: "const Packet = require('./packet')",
    replace: "import Packet from './packet.js'",
  },
  {
    file: "parser.js",
    group: "modules",
    find: "const constants = require('./constants')",
    replace: "import * as constants from './constants.js'",
  },
  {
    file: "parser.js",
    group: "modules",
    find: "const debug = require('debug')(",
    replace: "import createDebug from 'debug'\nconst debug = createDebug(",
  },
  { file: "parser.js", group: "modules", find: "module.exports =", replace: "export default" },

  {
    file: "writeToStream.js",
    group: "numbers",
    find: "let writeNumber = writeNumberCached\nlet toGenerate = true\n",
    replace: "let writeNumber = writeNumberGenerated\nlet toGenerate = false\n",
  },

  { file: "parser.js", group: "debug", find: /^ *debug\(.*\)\n/gm, replace: "", count: 46 },
  { file: "writeToStream.js", group: "debug", find: /^ *debug\(.*\)\n/gm, replace: "", count: 12 },
  { file: "parser.js", group: "debug", find: /^import createDebug .*\nconst debug = .*\n/gm, replace: "" },
  { file: "writeToStream.js", group: "debug", find: /^import createDebug .*\nconst debug = .*\n/gm, replace: "" },

  {
    file: "writeToStream.js",
    group: "caches",
    find: "let writeNumber = writeNumberGenerated\nlet toGenerate = false\n",
    replace: "",
  },
  {
    file: "writeToStream.js",
    group: "caches",
    find: / {2}if \(stream\.cork\) \{\n.*\n.*\n {2}\}\n\n {2}if \(toGenerate\) \{\n.*\n {4}generateCache\(\)\n {2}\}\n/g,
    replace: "",
  },
  {
    file: "writeToStream.js",
    group: "caches",
    find: /^Object\.defineProperty\(generate, 'cacheNumbers', \{\n[\s\S]*?^\}\)\n/gm,
    replace: "",
  },
  {
    file: "writeToStream.js",
    group: "caches",
    find: "function writeNumberGenerated (",
    replace: "function writeNumber (",
  },
  { file: "writeToStream.js", group: "caches", find: "const varByteIntCache = {}\n", replace: "" },
  {
    file: "writeToStream.js",
    group: "caches",
    find: / {2}let buffer = varByteIntCache\[num\]\n\n.*\n {4}(buffer = .*)\n {4}if \(num < 16384\) varByteIntCache.*\n {2}\}\n/g,
    replace: "  const $1\n",
  },

  {
    file: "writeToStream.js",
    group: "stream",
    find: /\bwriteNumber\(stream, (.+)\)$/gm,
    replace: "stream.writeUInt16($1)",
    count: 12,
  },
  {
    file: "writeToStream.js",
    group: "stream",
    find: /stream\.write\(Buffer\.from\(\[(.+)\]\)\)/g,
    replace: "stream.writeByte($1)",
    count: 20,
  },
  {
    file: "writeToStream.js",
    group: "stream",
    find: / {2}const buffer = genBufVariableByteInt\(num\)\n {2}return stream\.write\(buffer\)\n/g,
    replace: "  while (num > 127) {\n    stream.writeByte(num & 127 | 128)\n    num >>= 7\n  }\n  return stream.writeByte(num)\n",
  },
  {
    file: "writeToStream.js",
    group: "stream",
    find: "stream.write(protocol.CONNECT_HEADER)",
    replace: "stream.writeByte(0x10)",
  },
  {
    file: "writeToStream.js",
    group: "stream",
    find: "stream.write(protocol.CONNACK_HEADER)",
    replace: "stream.writeByte(0x20)",
  },
  {
    file: "writeToStream.js",
    group: "stream",
    find: "stream.write(settings.sessionPresent ? protocol.SESSIONPRESENT_HEADER : zeroBuf)",
    replace: "stream.writeByte(settings.sessionPresent ? 1 : 0)",
  },
  { file: "writeToStream.js", group: "stream", find: "const zeroBuf = Buffer.from([0])\n", replace: "" },
  {
    file: "writeToStream.js",
    group: "stream",
    find: "stream.write(protocol.PUBLISH_HEADER[qos][settings.dup ? 1 : 0][retain ? 1 : 0])",
    replace: "stream.writeByte(0x30 | (settings.dup ? 8 : 0) | qos << 1 | retain)",
  },
  {
    file: "writeToStream.js",
    group: "stream",
    find: "stream.write(protocol.ACKS[type][qos][dup][0])",
    replace: "stream.writeByte(protocol.ACKS[type])",
    count: 2,
  },
  {
    file: "writeToStream.js",
    group: "stream",
    find: "stream.write(protocol.SUBSCRIBE_HEADER[1][dup ? 1 : 0][0])",
    replace: "stream.writeByte(0x82 | dup)",
  },
  {
    file: "writeToStream.js",
    group: "stream",
    find: "stream.write(protocol.UNSUBSCRIBE_HEADER[1][dup ? 1 : 0][0])",
    replace: "stream.writeByte(0xa2 | dup)",
  },
  {
    file: "writeToStream.js",
    group: "stream",
    find: "stream.write(protocol.SUBACK_HEADER)",
    replace: "stream.writeByte(0x90)",
  },
  {
    file: "writeToStream.js",
    group: "stream",
    find: "stream.write(protocol.EMPTY[packet.cmd])",
    replace: "stream.writeUInt16(protocol.EMPTY[packet.cmd])",
  },
  { file: "writeToStream.js", group: "stream", find: "protocol.codes.disconnect << 4", replace: "0xe0" },
  { file: "writeToStream.js", group: "stream", find: "protocol.codes.auth << 4", replace: "0xf0" },
  {
    file: "writeToStream.js",
    group: "stream",
    find: "stream.write(\n    protocolVersion ===",
    replace: "stream.writeByte(\n    protocolVersion ===",
  },
  { file: "writeToStream.js", group: "stream", find: /protocol\.VERSION(\d+)/g, replace: "$1", count: 5 },
  {
    file: "constants.js",
    group: "stream",
    find: /^export const (\w+_HEADER|VERSION\d+) = .*\n/gm,
    replace: "",
    count: 12,
  },
  { file: "constants.js", group: "stream", find: /^export const QOS = [\s\S]*?^\}\)\n/gm, replace: "" },
  { file: "constants.js", group: "stream", find: /^export const codes = [\s\S]*?^\}\n/gm, replace: "" },
  {
    file: "constants.js",
    group: "stream",
    find: /^export const ACKS = [\s\S]*?^\}\n/gm,
    replace:
      "export const ACKS = Object.freeze({ unsuback: 0xb0, puback: 0x40, pubcomp: 0x70, pubrel: 0x62, pubrec: 0x50 })\n",
  },
  {
    file: "constants.js",
    group: "stream",
    find: /^export const EMPTY = [\s\S]*?^\}\n/gm,
    replace: "export const EMPTY = Object.freeze({ pingreq: 0xc000, pingresp: 0xd000, disconnect: 0xe000 })\n",
  },

  {
    file: "parser.js",
    group: "reader",
    find: /^ {4}while \(\(this\.packet\.length !== -1 \|\| this\._list\.length > 0\) &&\n[\s\S]*?^ {4}\}\n/gm,
    replace: `    while (this._list.length > 0 || this.packet.length !== -1) {
      if (this.packet.cmd === null && !this._parseHeader()) break
      if (this.packet.length === -1 && !this._parseLength()) break
      if (!this._parsePayload() || this.error) break
      this._newPacket()
    }
`,
  },
  { file: "parser.js", group: "reader", find: /^ {4}this\._states = \[\n[\s\S]*?^ {4}\]\n/gm, replace: "" },
  { file: "parser.js", group: "reader", find: "    this._stateCounter = 0\n", replace: "" },
  {
    file: "parser.js",
    group: "reader",
    find: /^ {2}_parseLength \(\) \{\n[\s\S]*?^ {2}\}\n/gm,
    replace: `  _parseLength () {
    const list = this._list
    let length = 0
    let count = 0
    let byte
    do {
      if (count === list.length) return false
      byte = list.bytes[list.start + count]
      length |= (byte & 127) << 7 * count++
    } while (byte > 127 && count < 4)
    if (byte > 127) return this._emitError(new Error('Invalid variable byte integer'))
    this.packet.length = length
    list.start += count
    list.length -= count
    return true
  }
`,
  },
  {
    file: "parser.js",
    group: "reader",
    find: "    this._list.consume(1)\n",
    replace: "    this._list.start++\n    this._list.length--\n",
  },
  {
    file: "parser.js",
    group: "reader",
    find: "this._list.readUInt8(0)",
    replace: "this._list.bytes[this._list.start]",
  },
  {
    file: "parser.js",
    group: "reader",
    find: /^ {2}_parseNum \(\) \{\n[\s\S]*?^ {2}\}\n/gm,
    replace: `  _parseNum () {
    const list = this._list
    if (list.length - this._pos < 2) return -1
    const at = list.start + this._pos
    this._pos += 2
    return list.bytes[at] << 8 | list.bytes[at + 1]
  }
`,
  },

  {
    file: "writeToStream.js",
    group: "mqtt5",
    find: "protocolVersion !== 3 && protocolVersion !== 4 && protocolVersion !== 5",
    replace: "protocolVersion !== 3 && protocolVersion !== 4",
  },
  { file: "writeToStream.js", group: "mqtt5", find: /\b(protocolV|v)ersion === 5\b/g, replace: "false", count: 21 },
  { file: "writeToStream.js", group: "mqtt5", find: /^ *if \(length === 3\) .*\n/gm, replace: "" },
  {
    file: "writeToStream.js",
    group: "mqtt5",
    find: / \? opts\.protocolVersion : 4\n/g,
    replace: "",
    count: 10,
  },
];
