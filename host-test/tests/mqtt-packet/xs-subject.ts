// Inside XS: generates packets and parses frames for the host. Bytes are exchanged as hex.

import { generate, parser } from "./suite-subject.ts";

declare const host: { register(name: string, run: (argument: never) => unknown): void };

host.register("write", (packets: object[]) => packets.map(packet => hex(generate(withBytes(packet) as object))));

host.register("read", (frames: string[]) =>
  frames.map(frame => {
    const results: object[] = [];
    const reader = parser({ protocolVersion: 4 });
    reader.on("packet", (packet: object) => results.push({ packet: withHex({ ...packet }) }));
    reader.on("error", (error: Error) => results.push({ error: error.message }));
    reader.parse(fromHex(frame));
    return results;
  }),
);

/** Replaces each `{ hex: "0a" }`, at any depth, by its bytes. */
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
