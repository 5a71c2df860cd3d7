// From event id and format to the topic as bytes and the codec. Checked and encoded once, then cached. Bound: MAX_CACHED.

import { InvalidEventException, MissingMessageEncoderException } from "../errors.ts";
import type { Connection } from "../mqtt/connection.ts";
import { encodeUtf8 } from "../utf8.ts";
import type { Codec } from "./codec/codec.ts";
import { type Codecs, wantsTime } from "./codec/index.ts";
import { eventTopic, levelFault } from "./topic.ts";

const MAX_CACHED = 4;

/** What publishEvent needs for an event id and a format; both are checked. */
export interface CachedEvent {
  event: string;
  format: string;
  codec: Codec;
  /** The codec needs the time. */
  timed: boolean;
  topic: Uint8Array;
  next: CachedEvent | undefined;
}

export class EventCache {
  private readonly codecs: Codecs;
  readonly quickstart?: boolean;
  // The first of at most MAX_CACHED, linked from the newest to the oldest.
  private newest: CachedEvent | undefined;

  /** @param quickstart only format json is allowed */
  constructor(codecs: Codecs, quickstart: boolean) {
    this.codecs = codecs;
    if (quickstart) this.quickstart = true;
  }

  /**
   * @param connection tells how long a topic may be
   * @throws InvalidEventException, MissingMessageEncoderException
   */
  get(event: string, format: string, connection: Connection): CachedEvent {
    let beforeOldest: CachedEvent | undefined;
    let count = 0;
    for (let one = this.newest; one; one = one.next) {
      if (one.event === event && one.format === format) return one;
      if (++count < MAX_CACHED) beforeOldest = one;
    }
    const entry = this.make(event, format, connection.link.encoder.topicLimit);
    if (count === MAX_CACHED) beforeOldest!.next = undefined;
    entry.next = this.newest;
    this.newest = entry;
    return entry;
  }

  /** See DeviceClient.setMessageEncoderModule. */
  setCodec(format: string, codec: Codec): void {
    this.codecs.set(format, codec);
    this.newest = undefined;
  }

  private make(event: string, format: string, topicLimit: number): CachedEvent {
    const eventFault = levelFault(event);
    if (eventFault) throw new InvalidEventException(`event id ${eventFault}`);
    const formatFault = levelFault(format);
    if (formatFault) throw new InvalidEventException(`format ${formatFault}`);
    if (this.quickstart && format !== "json") {
      throw new InvalidEventException(`Quickstart takes format json at QoS 0 only, not ${format}`);
    }
    const topic = encodeUtf8(eventTopic(event, format));
    if (topic.length > topicLimit) {
      throw new InvalidEventException(`topic of ${topic.length} bytes, limit ${topicLimit}`);
    }
    const codec = this.codecs.get(format);
    if (!codec) throw new MissingMessageEncoderException(format);
    return { event, format, codec, timed: wantsTime(codec), topic, next: undefined };
  }
}
