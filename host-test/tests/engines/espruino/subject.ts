// The program of host-test/tests/end-to-end/broker (whole-way.test.ts) in Espruino: the same file, lowered.

import { readFile } from "node:fs/promises";
import { espruinoModule, lower } from "../../../../targets/espruino/build/lower.ts";
import { IDENTITY } from "../../support/identity.ts";
import { Espruino } from "./engine.ts";

const SUBJECT = new URL("../../end-to-end/broker/subject.js", import.meta.url);

export const LIMITS = { frameBytes: 2048, transmitBytes: 256, queuedMessages: 20, queuedBytes: 4096 };

/** The options of a device without TLS. */
export function deviceOptions(port: number, token: string, more: object = {}): object {
  return { ...IDENTITY, "auth-token": token, host: "127.0.0.1", port, tls: false, limits: LIMITS, ...more };
}

/** An engine with the library and the subject, waiting for connect(). */
export async function startSubject(options: object, calls: Record<string, (value: never) => void>): Promise<Espruino> {
  const files = { iotf: await espruinoModule(), subject: await lower(await readFile(SUBJECT, "utf8")) };
  const engine = await Espruino.start({ files, calls });
  await engine.evaluate(`(function() {
    var lib = require("iotf");
    var argument = ${JSON.stringify(options)};
    var made = require("subject").start({ lib: lib, ports: lib.makePorts({}), argument: argument, call: call });
    for (var name in made) functions[name] = made[name];
  })()`);
  return engine;
}
