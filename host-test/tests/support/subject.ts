// What the dialogues talk to: the built bundle, which is what is flashed, or src/ as it stands, by IOTF_SUBJECT.

import { env } from "node:process";

type Core = typeof import("../../../src/index.ts");

export const SUBJECT = env.IOTF_SUBJECT || "bundle";

const FILES: Record<string, string> = { src: "../../../src/index.ts", bundle: "../../../dist/iotf-embedded.js" };
const file = FILES[SUBJECT];
if (!file) throw new Error(`IOTF_SUBJECT is src or bundle, not ${SUBJECT}`);

// A path the compiler does not follow: the types are those of src, built or not.
const core: Core = await import(new URL(file, import.meta.url).href);

export const { DeviceClient, MqttClient, ConnectionException, ConfigurationException, InvalidEventException } = core;
export type DeviceClient = InstanceType<Core["DeviceClient"]>;
export type MqttClient = InstanceType<Core["MqttClient"]>;
