// An encoder and its send buffer on a transport that a test plays.

import { Encoder } from "../../../src/mqtt/wire/encoder.ts";
import { SendBuffer } from "../../../src/mqtt/wire/send-buffer.ts";
import { utf8 } from "../../harness/testing/bytes.ts";
import { FakeTransport } from "../../harness/testing/transport.ts";

export const TOPIC = utf8("a/b");

/** A transport that is open and takes `room` bytes. */
export function openTransport(room = Number.POSITIVE_INFINITY): FakeTransport {
  const link = new FakeTransport(
    { host: "h", port: 1 },
    { opened() {}, received() {}, writableAgain() {}, closed() {} },
  );
  link.opens();
  link.room = room;
  return link;
}

export function onLink(bytes: number, room?: number): { encoder: Encoder; buffer: SendBuffer; link: FakeTransport } {
  const link = openTransport(room);
  const buffer = new SendBuffer(bytes);
  buffer.attach(link);
  return { encoder: new Encoder(buffer), buffer, link };
}

export function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
