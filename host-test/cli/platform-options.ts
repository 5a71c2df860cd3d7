// What did the user ask for on the command line of `iotf-embedded platform`?

import { isName, isOrg } from "../platform/identity.ts";
import type { DeviceEntry, PlatformOptions } from "../platform/platform.ts";
import { parse, whole } from "./args.ts";
import { DEMO_DEVICE } from "./demo-device.ts";
import { UsageError } from "./errors.ts";

export const HELP = `Usage: iotf-embedded platform [options]

A local WIoTP: devices and applications connect to it over plain MQTT 3.1.1, devices also by HTTP. Shows what happens on
it, with a table of the devices on a terminal, and serves a web page for those who would rather look. Ends with Ctrl-C.

  --port N                port to listen on, 0 for a free one (default 1883)
  --host ADDRESS          address to listen on (default 127.0.0.1)
  --org ORG               the organization of the devices below (default ${DEMO_DEVICE.org})
  --device TYPE:ID:TOKEN  let this device in; repeat for more
  --open                  let any device of the organization in, whatever its token
  --page PORT             port of the web page (default a free one); it is for this machine only, whatever --host says
  --no-page               no web page
  --json                  one JSON object per line
  --help                  show this

Devices connect as d:<org>:<type>:<id>, user use-token-auth, password their token; applications as a:<org>:<name>.
Organization quickstart takes any device without credentials: events in format json at QoS 0 only.
Without --device and --open, and on this machine only, the demo device ${DEMO_DEVICE.type}:${DEMO_DEVICE.id} is let in with the token ${DEMO_DEVICE.token}.
`;

export interface CommandLine {
  readonly org: string;
  readonly platform: PlatformOptions & { readonly port: number; readonly host: string };
  /** The port of the page; undefined: no page. */
  readonly page: number | undefined;
  readonly json: boolean;
}

const OPTIONS = {
  port: { type: "string", default: "1883" },
  host: { type: "string", default: "127.0.0.1" },
  org: { type: "string", default: DEMO_DEVICE.org },
  device: { type: "string", multiple: true, default: [] as string[] },
  open: { type: "boolean", default: false },
  page: { type: "string" },
  "no-page": { type: "boolean", default: false },
  json: { type: "boolean", default: false },
} as const;

/** A mistake is told in one line that never repeats a token. */
export function parseCommandLine(args: readonly string[]): CommandLine {
  const { values } = parse(args, OPTIONS);
  const { port, host, org, device, open, page, json } = values;
  if (!isOrg(org)) throw new UsageError(`option --org: ${org} is not an organization id`);
  if (page !== undefined && values["no-page"]) throw new UsageError("either --page or --no-page");
  const named = device.map(text => parseDevice(org, text));
  const demo = named.length === 0 && !open && org === DEMO_DEVICE.org && isLoopback(host);
  const devices = demo ? [DEMO_DEVICE] : named;
  return {
    org,
    platform: { port: whole("--port", port, 0, 65_535)!, host, orgs: [org], devices, open },
    page: values["no-page"] ? undefined : (whole("--page", page, 0, 65_535) ?? 0),
    json,
  };
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host);
}

// Tokens may contain colons; types and ids cannot.
function parseDevice(org: string, text: string): DeviceEntry {
  const [type = "", id = "", ...rest] = text.split(":");
  const token = rest.join(":");
  if (!isName(type) || !isName(id) || token === "") throw new UsageError("option --device takes TYPE:ID:TOKEN");
  return { org, type, id, token };
}
