// Tells MQTT, HTTP and TLS apart by the first byte of a connection; MQTT and HTTP share one port (docs/protocol.md 1.1).
// CONNECT begins with 0x10, an HTTP request with the capital letter of its method, a TLS ClientHello with 0x16. A
// connection that sends nothing for 5 s counts as MQTT, whose own time-out then ends it.

import type { Socket } from "node:net";

const FIRST_BYTE_TIMEOUT_MS = 5000;
const TLS_HANDSHAKE = 0x16;

export type Protocol = "mqtt" | "http" | "tls";

export class ProtocolDetector {
  readonly #undecided = new Set<Socket>();
  readonly #accept: (protocol: Protocol, socket: Socket) => void;

  constructor(accept: (protocol: Protocol, socket: Socket) => void) {
    this.#accept = accept;
  }

  detect(socket: Socket): void {
    this.#undecided.add(socket);
    const decide = (protocol?: Protocol) => {
      clearTimeout(timer);
      socket.off("readable", onReadable).off("error", ignore).off("close", onClose);
      this.#undecided.delete(socket);
      if (protocol) this.#accept(protocol, socket);
    };
    const onReadable = () => {
      const bytes: Buffer | null = socket.read();
      if (!bytes) return;
      socket.unshift(bytes);
      decide(protocolOf(bytes[0]!));
    };
    const ignore = () => {};
    const onClose = () => decide();
    const timer = setTimeout(decide, FIRST_BYTE_TIMEOUT_MS, "mqtt");
    socket.on("readable", onReadable).on("error", ignore).on("close", onClose);
  }

  close(): void {
    for (const socket of this.#undecided) socket.destroy();
  }
}

function protocolOf(byte: number): Protocol {
  if (byte === TLS_HANDSHAKE) return "tls";
  return byte >= 0x41 && byte <= 0x5a ? "http" : "mqtt";
}
