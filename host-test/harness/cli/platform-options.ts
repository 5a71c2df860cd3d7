// Command line of `iotf-embedded platform`.

import { randomBytes } from "node:crypto";
import { isLoopback, isName, isOrg } from "../platform/identity.ts";
import type { ApplicationEntry, DeviceEntry, PlatformOptions } from "../platform/platform.ts";
import { parse, whole } from "./args.ts";
import { DEMO_DEVICE } from "./demo-device.ts";
import { UsageError } from "./errors.ts";

export const HELP = `Usage: iotf-embedded platform [options]

Runs a local WIoTP. Devices and applications connect with MQTT 3.1.1 without TLS, devices also with HTTP. Prints what
happens, with a table of the devices on a terminal, and serves a web page. Ends with Ctrl-C.

  --port N                port to listen on, 0 for a free one (default 1883)
  --host ADDRESS          address to listen on (default 127.0.0.1)
  --org ORG               the organization of the devices below (default ${DEMO_DEVICE.org})
  --device TYPE:ID:TOKEN  register a device; repeat for more
  --open                  admit any device of the organization with any token
  --application KEY:TOKEN register the API key a-ORG-KEY for applications; repeat for more. Default: on a loopback
                          address applications need no credentials; on any other, the platform makes an API key and
                          prints it
  --page PORT             port of the web page (default a free one); only this machine can open it
  --no-page               no web page
  --json                  print one JSON object per line
  --help                  show this text

Devices connect as d:<org>:<type>:<id>, user use-token-auth, password their token; applications as a:<org>:<name>.
Organization quickstart admits any device without credentials: events in format json at QoS 0 only.
Without --device and --open, and on a loopback address only, the demo device ${DEMO_DEVICE.type}:${DEMO_DEVICE.id} is
registered with the token ${DEMO_DEVICE.token}.
`;

export interface CommandLine {
  readonly org: string;
  readonly platform: PlatformOptions & { readonly port: number; readonly host: string };
  /** The port of the page; undefined: no page. */
  readonly page: number | undefined;
  /** The API key that the platform made, because others on the network can reach it. */
  readonly apiKey: ApiKey | undefined;
  readonly json: boolean;
}

export interface ApiKey {
  readonly user: string;
  readonly token: string;
}

export const OPTIONS = {
  port: { type: "string", default: "1883" },
  host: { type: "string", default: "127.0.0.1" },
  org: { type: "string", default: DEMO_DEVICE.org },
  device: { type: "string", multiple: true, default: [] as string[] },
  open: { type: "boolean", default: false },
  application: { type: "string", multiple: true, default: [] as string[] },
  page: { type: "string" },
  "no-page": { type: "boolean", default: false },
  json: { type: "boolean", default: false },
} as const;

/** @throws UsageError, never with a token */
export function parseCommandLine(args: readonly string[]): CommandLine {
  const { values } = parse(args, OPTIONS);
  const { port, host, org, device, open, application, page, json } = values;
  if (!isOrg(org)) throw new UsageError(`option --org: ${org} is not an organization id`);
  if (page !== undefined && values["no-page"]) throw new UsageError("either --page or --no-page");
  const named = device.map(text => parseDevice(org, text));
  const demo = named.length === 0 && !open && org === DEMO_DEVICE.org && isLoopback(host);
  const devices = demo ? [DEMO_DEVICE] : named;
  const registered = application.map(text => parseApplication(org, text));
  const made = registered.length === 0 && !isLoopback(host) ? makeApplication(org) : undefined;
  const applications = made ? [made] : registered;
  return {
    org,
    platform: { port: whole("--port", port, 0, 65_535)!, host, orgs: [org], devices, applications, open },
    apiKey: made && { user: `a-${org}-${made.key}`, token: made.token },
    page: values["no-page"] ? undefined : (whole("--page", page, 0, 65_535) ?? 0),
    json,
  };
}

// A token may contain colons; a type or id cannot.
function parseDevice(org: string, text: string): DeviceEntry {
  const [type = "", id = "", ...rest] = text.split(":");
  const token = rest.join(":");
  if (!isName(type) || !isName(id) || token === "") throw new UsageError("option --device takes TYPE:ID:TOKEN");
  return { org, type, id, token };
}

function parseApplication(org: string, text: string): ApplicationEntry {
  const [key = "", ...rest] = text.split(":");
  const token = rest.join(":");
  if (!isName(key) || token === "") throw new UsageError("option --application takes KEY:TOKEN");
  return { org, key, token };
}

function makeApplication(org: string): ApplicationEntry & { key: string } {
  return { org, key: randomBytes(4).toString("hex"), token: randomBytes(15).toString("base64url") };
}
