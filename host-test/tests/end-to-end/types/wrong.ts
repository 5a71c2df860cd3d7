// Wrong uses do not compile: tsc fails (npm run check) if one of these lines no longer is an error. Never run.

import type { HttpClient } from "../../../../dist/http-node.js";
import * as core from "../../../../dist/index.js";
import {
  type Codec,
  type Command,
  type ConfigurationException,
  type ConnectionException,
  DeviceClient,
  type DeviceOptions,
  type InvalidEventException,
  type IotfError,
  MissingMessageEncoderException,
  parseConfig,
  parseNestedConfig,
} from "../../../../dist/node.js";
import type { Platform } from "../../../../dist/platform.js";
import type { TestDevice } from "../../../../dist/testing.js";

declare const client: DeviceClient;
declare const command: Command;
declare const refusal: ConfigurationException;
declare const lost: ConnectionException;
declare const invalid: InvalidEventException;
declare const anyError: IotfError;

// @ts-expect-error QoS 3
client.publishEvent("status", "json", {}, 3);
// @ts-expect-error QoS as text
client.publishEvent("status", "json", {}, "1");
// @ts-expect-error a number as event id
client.publishEvent(7, "json", {});
// @ts-expect-error no format
client.publishEvent("status");
// @ts-expect-error the format is not the data
client.publishEvent("status", { cpu: 60 });
// @ts-expect-error onPublish before the QoS
client.publishEvent("status", "json", {}, () => {});
// @ts-expect-error onPublish gets an error, not a packet id
client.publishEvent("status", "json", {}, 1, (id: number) => id);
// @ts-expect-error a boolean, not a promise
client.publishEvent("status", "json", {}).then(() => {});

// @ts-expect-error utf8 takes text
client.publishEvent("status", "utf8", 7);
// @ts-expect-error raw takes bytes
client.publishEvent("status", "raw", [1, 2]);
// @ts-expect-error rows, declared in right.ts, takes rows of text
client.publishEvent("status", "rows", "a;b");
// @ts-expect-error a codec of the format has its data
client.setMessageEncoderModule("rows", { encode: () => "", decode: () => ({ data: 7 }) });
// @ts-expect-error data are text in format utf8 only
command.data.length;
// @ts-expect-error a format that is neither built in nor declared
command.format === "cvs";
// @ts-expect-error a Command of one format is not any Command
export const onlyText: Command<"utf8"> = command;

// @ts-expect-error no such field (commandId is that of the newer SDK)
command.commandId;
// @ts-expect-error data is unknown until looked at
command.data.interval;
// @ts-expect-error a Date, not a number
command.timestamp + 1;
// @ts-expect-error a Date, not text
export const when: string = command.timestamp;
// @ts-expect-error one callback with one Command
client.commandCallback = (name: string, format: string) => name + format;
// @ts-expect-error a Command, not its data
client.commandCallback = (data: number) => data;

// @ts-expect-error an authentication method the platform does not have
export const method: DeviceOptions = { "auth-method": "certificate" };
// @ts-expect-error an unknown option
export const unknownOption: DeviceOptions = { organisation: "abc123" };
// @ts-expect-error the token is text
export const numberToken: DeviceOptions = { "auth-token": 7 };
// @ts-expect-error an unknown limit
export const unknownLimit: DeviceOptions = { limits: { inFlight: 3 } };
// @ts-expect-error a will needs a payload
export const emptyWill: DeviceOptions = { will: { event: "state" } };
// @ts-expect-error a path is not a certificate
export const path: DeviceOptions = { ca: { path: "ca.pem" } };
// @ts-expect-error text is not options: parse it
new DeviceClient("device.cfg");
// @ts-expect-error the engine-free client has no default ports
new core.DeviceClient({});
// @ts-expect-error connected is read-only
client.connected = true;
// @ts-expect-error parseConfig takes text
parseConfig(new Uint8Array(0));
// @ts-expect-error the nested shape needs an identity
parseNestedConfig({ auth: { token: "t" } });

// @ts-expect-error a codec has both directions
client.setMessageEncoderModule("custom", { encode: () => "" });
// @ts-expect-error decode gives { data }
export const noData: Codec = { encode: () => "", decode: () => "text" };
// @ts-expect-error encode gives text or bytes
export const noText: Codec = { encode: () => 7, decode: () => ({ data: 0 }) };

// @ts-expect-error a code that does not exist
refusal.code === "nonsense";
// @ts-expect-error a code of other errors
refusal.code === "refused";
// @ts-expect-error a code of other errors
lost.code === "invalid-event";
// @ts-expect-error a code of other errors
invalid.code === "closed";
// @ts-expect-error a code that does not exist
anyError.code === "nonsense";
// @ts-expect-error not every error has a return code
anyError.returnCode;
// @ts-expect-error codes do not change
refusal.code = "closed";
// @ts-expect-error a format, not an error
new MissingMessageEncoderException(new Error());

declare const http: HttpClient;
// @ts-expect-error HTTP has no QoS
http.publishEvent("status", "json", {}, 1);
// @ts-expect-error text takes text
http.publishEvent("status", "text", 1);
// @ts-expect-error the wait comes before the callback
http.requestCommand("+", () => {});
// @ts-expect-error internals are not in the declarations
core.configure;

declare const platform: Platform;
declare const deviceTest: TestDevice;

// @ts-expect-error the platform has no such event
platform.on("nonsense", () => {});
// @ts-expect-error the listener of "connect" gets an object
platform.on("connect", (clientId: string) => clientId);
// @ts-expect-error the type of the data has to be named
deviceTest.expectEvent("status").data.temp;
