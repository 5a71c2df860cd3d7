// Chunks of any size in, whole MQTT frames out, each checked against its fixed header before mqtt-packet sees it.
//
// Holds at most one unfinished frame, never more than `frameBytes`, and nothing between frames. A frame that arrives
// whole inside one chunk is passed on as a view of it, without a copy. A PUBLISH announced larger than `frameBytes` is
// never buffered: its topic and packet id are read, its payload is skipped as it streams by. mqtt-packet by itself would
// buffer 256 MB on the word of a five-byte header and read a missing packet id from the packet behind.

/** What the splitter tells its owner. After `violation` nothing more is told; the owner closes the connection. */
export interface FrameListener {
  /** One whole frame, header included. The bytes are valid until this returns. */
  frame(bytes: Uint8Array): void;
  /**
   * The head of a PUBLISH that is larger than `frameBytes`: fixed header, topic and packet id, no payload. Told after
   * its last byte went by, so that an acknowledgement means "received"; `size` is the whole frame's size in bytes.
   */
  tooLarge(head: Uint8Array, size: number): void;
  /** The server broke the standard; `reason` says how. */
  violation(reason: string): void;
}

// What a server may send, by packet type: flags, least and greatest remaining length [MQTT-2.2.2-1], [MQTT-2.2.2-2].
// -1: no such packet may come from a server. PUBLISH (3) has rules of its own.
const FLAGS = Object.freeze([-1, -1, 0, 0, 0, 0, 2, 0, -1, 0, -1, 0, -1, 0, -1, -1]);
const LEAST = Object.freeze([0, 0, 2, 3, 2, 2, 2, 2, 0, 3, 0, 2, 0, 0, 0, 0]);
const MOST = Object.freeze([0, 0, 2, 268435455, 2, 2, 2, 2, 0, 268435455, 0, 2, 0, 0, 0, 0]);

const PUBLISH = 3;
const CONNACK = 2;
const PINGRESP = 13;

/** Why a server may not send this fixed header; "" when it may. */
function headerFault(first: number, length: number): string {
  const type = first >> 4;
  if (type === PUBLISH) {
    if ((first & 6) === 6) return "PUBLISH with QoS 3"; // [MQTT-3.3.1-4]
    if ((first & 14) === 8) return "PUBLISH with DUP at QoS 0"; // [MQTT-3.3.1-2]
    return length < LEAST[PUBLISH]! ? `length ${length} in packet type 3` : "";
  }
  if (FLAGS[type]! < 0) return `packet type ${type} from a server`;
  if ((first & 15) !== FLAGS[type]) return `flags ${first & 15} in packet type ${type}`;
  if (length < LEAST[type]! || length > MOST[type]!) return `length ${length} in packet type ${type}`;
  return "";
}

/** Why the variable header of a whole frame, `at` to `end`, is wrong; "" when it is right. */
function bodyFault(bytes: Uint8Array, first: number, at: number, end: number): string {
  const type = first >> 4;
  const number = (bytes[at]! << 8) | bytes[at + 1]!;
  if (type !== PUBLISH) {
    return number || type === CONNACK || type === PINGRESP ? "" : `packet id 0 in packet type ${type}`;
  }
  const topicEnd = at + 2 + number;
  if (!number) return "PUBLISH with an empty topic"; // [MQTT-4.7.3-1]
  if (!(first & 6)) return topicEnd > end ? "PUBLISH shorter than its topic" : "";
  if (topicEnd + 2 > end) return "PUBLISH shorter than its topic and packet id";
  return bytes[topicEnd] || bytes[topicEnd + 1] ? "" : "PUBLISH with packet id 0"; // [MQTT-2.3.1-1]
}

export class FrameSplitter {
  private readonly listener: FrameListener;
  private readonly frameBytes: number;
  // The frame under way: `have` of its `size` bytes are in `held` (size 0: header not read to its end yet).
  private held: Uint8Array | undefined;
  private have = 0;
  private size = 0;
  // Of a PUBLISH too large to keep: bytes still to go by once its head (in `held`) is complete; -1 while not skipping.
  private skip = -1;
  private stopped = false;

  /** @param frameBytes largest frame to keep, header included, in bytes; at least 16. */
  constructor(listener: FrameListener, frameBytes: number) {
    this.listener = listener;
    this.frameBytes = frameBytes;
  }

  /** Forgets the frame under way and everything of `push` still to come; used when the connection ends. */
  stop(): void {
    this.stopped = true;
    this.held = undefined;
  }

  /** Forgets the frame under way; the next byte starts a frame. Used when a connection begins. */
  reset(): void {
    this.stopped = false;
    this.held = undefined;
    this.have = 0;
    this.size = 0;
    this.skip = -1;
  }

  /** Takes the next bytes of the stream, however they were cut. They are not kept. */
  push(chunk: Uint8Array): void {
    const end = chunk.length;
    let at = 0;
    while (at < end && !this.stopped) {
      at = this.held ? this.resume(chunk, at, end) : this.begin(chunk, at, end);
    }
  }

  // A frame begins at `at`. The usual case: it is short, and all of it is in this chunk.
  private begin(chunk: Uint8Array, at: number, end: number): number {
    const body = at + 2;
    const length = chunk[at + 1]!; // undefined where the chunk ends, and then not less than anything
    const frameEnd = body + length;
    if (!(length < 128) || frameEnd > end || length + 2 > this.frameBytes) return this.beginLong(chunk, at, end);
    const first = chunk[at]!;
    const reason = headerFault(first, length) || bodyFault(chunk, first, body, frameEnd);
    if (reason) return this.fault(reason, end);
    this.listener.frame(at === 0 && frameEnd === end ? chunk : chunk.subarray(at, frameEnd));
    return frameEnd;
  }

  private beginLong(chunk: Uint8Array, at: number, end: number): number {
    let length = 0;
    let shift = 0;
    let next = at + 1;
    while (next < end) {
      const byte = chunk[next++]!;
      length |= (byte & 127) << shift;
      if (byte < 128) return this.announced(chunk, at, next, length, end);
      shift += 7;
      if (shift > 21) return this.fault("remaining length of more than four bytes", end); // 2.2.3
    }
    // The header itself is cut: keep what there is (1 to 4 bytes) and go on byte by byte.
    this.held = new Uint8Array(5);
    this.held.set(chunk.subarray(at, end));
    this.have = end - at;
    return end;
  }

  // The header is known: it starts at `at`, the rest of the frame at `body`.
  private announced(chunk: Uint8Array, at: number, body: number, length: number, end: number): number {
    const reason = headerFault(chunk[at]!, length);
    if (reason) return this.fault(reason, end);
    const size = body - at + length;
    const frameEnd = at + size;
    if (size > this.frameBytes) return this.oversized(chunk, at, body, size, end);
    if (frameEnd > end) {
      this.held = new Uint8Array(size);
      this.held.set(chunk.subarray(at, end));
      this.have = end - at;
      this.size = size;
      return end;
    }
    const frame = at === 0 && frameEnd === end ? chunk : chunk.subarray(at, frameEnd);
    this.whole(frame, body - at);
    return frameEnd;
  }

  private whole(frame: Uint8Array, body: number): void {
    const reason = bodyFault(frame, frame[0]!, body, frame.length);
    if (reason) this.fault(reason, 0);
    else this.listener.frame(frame);
  }

  // Too large to keep: collect header, topic and packet id only. Their size is known once the topic's length is.
  private oversized(chunk: Uint8Array, at: number, body: number, size: number, end: number): number {
    if (chunk[at]! >> 4 !== PUBLISH) {
      return this.fault(`packet type ${chunk[at]! >> 4} of ${size} bytes, limit ${this.frameBytes}`, end);
    }
    const head = body - at;
    this.held = new Uint8Array(head + 2);
    this.held.set(chunk.subarray(at, body));
    this.have = head;
    this.size = size;
    this.skip = 0;
    return body;
  }

  private resume(chunk: Uint8Array, at: number, end: number): number {
    if (this.size === 0) return this.resumeHeader(chunk, at, end);
    if (this.skip < 0) return this.resumeFrame(chunk, at, end);
    return this.have < this.held!.length ? this.resumeHead(chunk, at, end) : this.resumeSkip(at, end);
  }

  private resumeHeader(chunk: Uint8Array, at: number, end: number): number {
    const held = this.held!;
    held[this.have++] = chunk[at]!;
    if (chunk[at]! >= 128) {
      return this.have > 4 ? this.fault("remaining length of more than four bytes", end) : at + 1;
    }
    const headed = this.have;
    let length = 0;
    for (let i = headed - 1; i > 0; i--) length = (length << 7) | (held[i]! & 127);
    this.held = undefined;
    this.have = 0;
    // `end` is the end of what `held` has: the header alone, so a frame with a body is set up for resumeFrame.
    this.announced(held.subarray(0, headed), 0, headed, length, headed);
    return at + 1;
  }

  private resumeFrame(chunk: Uint8Array, at: number, end: number): number {
    const held = this.held!;
    const taken = Math.min(end - at, this.size - this.have);
    held.set(chunk.subarray(at, at + taken), this.have);
    this.have += taken;
    if (this.have === this.size) {
      this.held = undefined;
      this.size = 0;
      let body = 1;
      while (held[body]! & 128) body++;
      this.whole(held, body + 1);
    }
    return at + taken;
  }

  // First the two bytes of the topic's length, then, in a larger array, the topic and the packet id.
  private resumeHead(chunk: Uint8Array, at: number, end: number): number {
    const held = this.held!;
    const taken = Math.min(end - at, held.length - this.have);
    held.set(chunk.subarray(at, at + taken), this.have);
    this.have += taken;
    if (this.have < held.length) return end;
    let body = 1;
    while (held[body]! & 128) body++;
    body++;
    const headSize = body + 2 + ((held[body]! << 8) | held[body + 1]!) + (held[0]! & 6 ? 2 : 0);
    if (held.length < headSize) {
      if (headSize > this.size) return this.fault("PUBLISH shorter than its topic and packet id", end);
      if (headSize > this.frameBytes) return this.fault(`topic of ${headSize} bytes, limit ${this.frameBytes}`, end);
      this.held = new Uint8Array(headSize);
      this.held.set(held);
      return at + taken;
    }
    const reason = bodyFault(held, held[0]!, body, headSize);
    if (reason) return this.fault(reason, end);
    this.skip = this.size - headSize; // more than 0: the head alone would not be too large
    return at + taken;
  }

  private resumeSkip(at: number, end: number): number {
    const taken = Math.min(end - at, this.skip);
    this.skip -= taken;
    return this.skip ? end : this.skipped(at + taken);
  }

  private skipped(at: number): number {
    const head = this.held!;
    const size = this.size;
    this.reset();
    this.listener.tooLarge(head, size);
    return at;
  }

  private fault(reason: string, end: number): number {
    this.stop();
    this.listener.violation(reason);
    return end;
  }
}
