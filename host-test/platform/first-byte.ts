// MQTT or HTTP? Both come in by the same port (§1.1), and the first byte tells them apart: a CONNECT begins with 0x10, a
// request with the capital letter of its method. Whoever is silent is taken for MQTT, which has a deadline for that.

import type { Socket } from "node:net";

const SILENCE_MS = 5000;

export class FirstByte {
  readonly #undecided = new Set<Socket>();
  readonly #mqtt: (socket: Socket) => void;
  readonly #http: (socket: Socket) => void;

  constructor(mqtt: (socket: Socket) => void, http: (socket: Socket) => void) {
    this.#mqtt = mqtt;
    this.#http = http;
  }

  look(socket: Socket): void {
    this.#undecided.add(socket);
    const decide = (handle: (socket: Socket) => void) => {
      clearTimeout(silence);
      socket.off("readable", seen).off("error", ignore).off("close", gone);
      this.#undecided.delete(socket);
      handle(socket);
    };
    const seen = () => {
      const bytes: Buffer | null = socket.read();
      if (!bytes) return;
      socket.unshift(bytes);
      decide(isLetter(bytes[0]!) ? this.#http : this.#mqtt);
    };
    const ignore = () => {};
    const gone = () => decide(ignore);
    const silence = setTimeout(decide, SILENCE_MS, this.#mqtt);
    socket.on("readable", seen).on("error", ignore).on("close", gone);
  }

  close(): void {
    for (const socket of this.#undecided) socket.destroy();
  }
}

function isLetter(byte: number): boolean {
  return byte >= 0x41 && byte <= 0x5a;
}
