// The two packages that are compared: mqtt-packet as published, with its own dependencies, and as patched for the bundle.

import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { bundle } from "../../../targets/bundle/bundle.ts";
import type { Group } from "../../../targets/bundle/patches.ts";
import { MQTT_PACKET } from "../../../targets/bundle/trim.ts";
import { startXs, type Xs } from "../../harness/xs/host.ts";
import { withFolder } from "../support/folder.ts";

export interface Parser {
  on(event: "packet" | "error", listener: (value: never) => void): void;
  /** Returns the number of bytes that are not parsed yet. */
  parse(bytes: Uint8Array): number;
}

export interface MqttPacket {
  parser(options?: object): Parser;
  generate(packet: object, options?: object): Uint8Array;
}

const original: MqttPacket = createRequire(import.meta.url)(join(MQTT_PACKET, "mqtt.js"));

export const published: MqttPacket = {
  parser: original.parser,
  generate: (packet, options) => original.generate(withBuffers(packet) as object, options),
};

/** The published package takes Buffers only. */
function withBuffers(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value);
  if (Array.isArray(value)) return value.map(withBuffers);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withBuffers(inner)]));
}

/** Bundles `entry` and runs `use` with the file. */
export function withBundled<T>(
  trim: boolean | readonly Group[],
  use: (file: string) => Promise<T>,
  entry = "suite-subject.ts",
): Promise<T> {
  return withFolder(async folder => {
    const outfile = join(folder, "subject.mjs");
    await bundle({ entry: fileURLToPath(new URL(entry, import.meta.url)), outfile, trim });
    return await use(outfile);
  });
}

/** Bundles `entry` and runs `use` with an XS engine that has imported it. */
export function withXs<T>(trim: boolean, entry: string, use: (xs: Xs) => Promise<T>): Promise<T> {
  const inXs = async (file: string) => {
    const xs = await startXs({ modules: [file] });
    try {
      return await use(xs);
    } finally {
      await xs.close();
    }
  };
  return withBundled(trim, inXs, entry);
}

export async function bundled(trim: boolean | readonly Group[] = true): Promise<MqttPacket> {
  return await withBundled(trim, async file => (await import(pathToFileURL(file).href)) as MqttPacket);
}
