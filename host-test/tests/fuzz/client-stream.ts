// What a client's bytes are, by the letter of MQTT 3.1.1 and with nothing of src. Throws at the first thing that no
// server has to take: what the reader of users' tests refuses, and strings that are not UTF-8, topics with wildcards,
// packets of a server.

import { PacketStream, type SentPacket } from "../../harness/testing/packets.ts";
import { decodeText } from "./text.ts";

export interface ClientPacket {
  type: number;
  id: number;
  qos: number;
  dup: boolean;
  retain: boolean;
  topic: string;
  payload: Uint8Array;
  /** Of SUBSCRIBE and UNSUBSCRIBE. */
  filters: string[];
  /** Of SUBSCRIBE: the QoS asked for each. */
  asked: number[];
}

export const TYPE_NAMES: readonly string[] =
  "0 CONNECT CONNACK PUBLISH PUBACK PUBREC PUBREL PUBCOMP SUBSCRIBE SUBACK UNSUBSCRIBE UNSUBACK PINGREQ PINGRESP DISCONNECT 15".split(
    " ",
  );
const OF_SERVERS = ["connack", "suback", "unsuback", "pingresp"];
const NOTHING = new Uint8Array(0);

export class ClientStream {
  private readonly stream = new PacketStream(strictText);

  /** Bytes of a packet that is not whole yet. */
  get unfinished(): number {
    return this.stream.unfinished;
  }

  /** The packets that end in `chunk`. */
  push(chunk: Uint8Array): ClientPacket[] {
    return this.stream.read(chunk).map(checked);
  }
}

function strictText(bytes: Uint8Array): string {
  const text = decodeText(bytes);
  if (text === undefined || text.indexOf("\0") >= 0) throw new Error("a string that is not UTF-8, or has U+0000");
  return text;
}

function checked({ cmd, messageId: id = 0, qos, dup, retain, topic = "", payload = NOTHING, ...rest }: SentPacket) {
  if (OF_SERVERS.indexOf(cmd) >= 0) throw new Error(`${cmd} from a client`);
  if (cmd === "publish" && (!topic || /[+#]/.test(topic))) throw new Error(`topic "${topic}"`);
  if (cmd === "publish" && !qos && dup) throw new Error("DUP in a PUBLISH of QoS 0");
  const { subscriptions = [], unsubscriptions = [] } = rest;
  const packet: ClientPacket = {
    type: TYPE_NAMES.indexOf(cmd.toUpperCase()),
    id,
    qos,
    dup,
    retain,
    topic,
    payload,
    filters: subscriptions.map(one => one.topic).concat(unsubscriptions),
    asked: subscriptions.map(one => one.qos),
  };
  return packet;
}
