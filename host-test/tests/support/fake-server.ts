// The server of users' tests (testing/session.ts) at the far end of a fake link, byte by byte: bytes of either direction
// stay on the way until the test lets some of them through; a cut loses the rest.

import { joined } from "../../harness/testing/bytes.ts";
import { ServerSession } from "../../harness/testing/session.ts";
import type { FakeTransport } from "../../harness/testing/transport.ts";
import { Witness } from "./witness.ts";

export class FakeServer {
  /** Payloads of what clients published, in the order they were delivered onwards. */
  readonly delivered: string[] = [];
  /** The next CONNECT finds no session. */
  forgetful = false;
  private readonly session = new ServerSession({
    say: frame => {
      this.way = joined([this.way, frame]);
    },
    delivered: packet => this.delivered.push(String(packet.payload)),
  });
  private link: FakeTransport | undefined;
  private witness = new Witness();
  private read = 0;
  private way: Uint8Array = new Uint8Array(0);

  /** A connection comes in. */
  take(link: FakeTransport): void {
    this.link = link;
    this.witness = new Witness();
    this.read = 0;
    this.way = new Uint8Array(0);
    this.session.lost();
  }

  /** Bytes on the way to the client. */
  get underway(): number {
    return this.way.length;
  }

  /** Bytes of the client that the server has not read. */
  get unread(): number {
    return this.link ? this.link.sent.length - this.read : 0;
  }

  /** Messages for the client that are not through. */
  get owed(): number {
    return this.session.owed;
  }

  /** A message for the client. */
  send(text: string, qos: 1 | 2): void {
    this.session.send("to/client", text, qos);
  }

  /** The server reads up to `count` bytes of what the client wrote. */
  reads(count: number): void {
    const bytes = this.link!.sent.subarray(this.read, this.read + count);
    this.read += bytes.length;
    for (const packet of this.witness.read(bytes)) {
      if (packet.cmd === "connect") this.greet(packet.clean!);
      else this.session.takes(packet);
    }
  }

  /** Up to `count` bytes arrive at the client. */
  arrives(count: number): void {
    const bytes = this.way.slice(0, count);
    this.way = this.way.slice(count);
    if (bytes.length) this.link!.receives(bytes);
  }

  private greet(clean: boolean): void {
    if (this.forgetful) this.session.forget();
    this.forgetful = false;
    this.session.greet(clean);
  }
}
