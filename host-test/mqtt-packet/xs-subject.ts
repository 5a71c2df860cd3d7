// Inside XS: writes packets and reads frames for the host, which cannot hand over bytes but as text.

import { generate, parser } from "./suite-subject.ts";

declare const host: { register(name: string, run: (argument: never) => unknown): void };

host.register("write", (packets: object[]) =>
  packets.map(packet => {
    try {
      return hex(generate(withBytes(packet) as object));
    } catch (error) {
      return `refused: ${(error as Error).message}`;
    }
  }),
);

host.register("read", (frames: string[]) =>
  frames.map(frame => {
    const heard: object[] = [];
    const reader = parser({ protocolVersion: 4 });
    reader.on("packet", packet => heard.push({ packet: withHex({ ...packet }) }));
    reader.on("error", error => heard.push({ error: error.message }));
    heard.push({ left: reader.parse(fromHex(frame)) });
    return heard;
  }),
);

/** `{ hex: "0a" }`, wherever it is, to bytes. */
function withBytes(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(withBytes);
  if ("hex" in value) return fromHex(value.hex as string);
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withBytes(inner)]));
}

function withHex(packet: object): object {
  const entries = Object.entries(packet).map(([key, value]) => [key, value instanceof Uint8Array ? hex(value) : value]);
  return Object.fromEntries(entries);
}

function fromHex(text: string): Uint8Array {
  return Uint8Array.from(text.match(/../g) ?? [], pair => Number.parseInt(pair, 16));
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, byte => byte.toString(16).padStart(2, "0")).join("");
}
