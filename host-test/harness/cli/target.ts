// Where an application connects, and its credentials: from options, then a file, then the environment, with the names of
// IBM's SDKs. Default: the local platform, which needs no credentials unless applications are registered on it.

import { randomBytes } from "node:crypto";
import type { Endpoint, MqttOptions } from "../../../targets/node/index.ts";
import { isName, isOrg } from "../platform/identity.ts";
import { readApplicationFile, type Settings } from "./application-file.ts";
import { type Address, address, addressUrl, type Options, whole } from "./args.ts";
import { DEMO_DEVICE } from "./demo-device.ts";
import { UsageError } from "./errors.ts";
import { readText } from "./files.ts";

export const LOCAL = "mqtt://127.0.0.1:1883";

export const TARGET_OPTIONS = {
  url: { type: "string" },
  org: { type: "string" },
  "api-key": { type: "string" },
  "api-token": { type: "string" },
  "app-id": { type: "string" },
  ca: { type: "string" },
  config: { type: "string" },
} as const satisfies Options;

export const TARGET_HELP = `  --url mqtt://HOST:PORT  where to connect, mqtts:// with TLS (default ${LOCAL}, the local platform;
                          with a domain, mqtts://ORG.messaging.DOMAIN:8883)
  --org ORG               organization (default that of the API key, or ${DEMO_DEVICE.org})
  --api-key KEY           a-ORG-…; without it no credentials are sent
  --api-token TOKEN       token of the API key. Other users can read it in the list of processes: --config is safer
  --config FILE           an ini file with [application] auth-key, auth-token, and id, domain, host, port, tls; or YAML
                          as IBM's SDKs read it
  --app-id ID             application id (default a new one each time)
  --ca FILE               trusted authorities, PEM

Environment: WIOTP_AUTH_KEY, WIOTP_AUTH_TOKEN, WIOTP_IDENTITY_APPID, WIOTP_OPTIONS_DOMAIN, WIOTP_OPTIONS_MQTT_PORT,
WIOTP_OPTIONS_MQTT_CAFILE. Options override the file, and the file overrides the environment.
`;

export interface Target {
  readonly org: string;
  /** Shown in messages. */
  readonly url: string;
  /** No host or domain was given: it is the local platform. */
  readonly local: boolean;
  readonly mqtt: MqttOptions & { endpoint: Endpoint };
}

type Values = { readonly [K in keyof typeof TARGET_OPTIONS]?: string | undefined };

/** The largest command and event, with topic. */
const LARGEST = 262_144;

export function findTarget(values: Values, env: NodeJS.ProcessEnv): Target {
  const given = merged([
    fromOptions(values),
    values.config === undefined ? {} : readApplicationFile(values.config),
    fromEnvironment(env),
  ]);
  const { key, token, appId = `iotf-${randomBytes(4).toString("hex")}`, caFile } = given;
  if (!isName(appId)) throw new UsageError(`the application id is 1 to 36 of A-Z a-z 0-9 - _ ., not '${appId}'`);
  if (key !== undefined && token === undefined) throw new UsageError("an API key without its token");
  if (key === undefined && token !== undefined) throw new UsageError("a token without its API key");
  const org = organization(given);
  const { host, port, tls } = whereTo(given, org);
  const ca = caFile === undefined || caFile === "_os_" ? undefined : readText("the authorities in", caFile);
  return {
    org,
    url: addressUrl({ host, port, tls }),
    local: given.host === undefined && given.domain === undefined,
    mqtt: {
      endpoint: { host, port, ...(tls ? { tls: ca === undefined ? {} : { ca } } : {}) },
      clientId: `a:${org}:${appId}`,
      ...(key === undefined ? {} : { username: key, password: token! }),
      limits: { frameBytes: LARGEST, queuedBytes: LARGEST },
    },
  };
}

function fromOptions(values: Values): Settings {
  const where: Partial<Address> = values.url === undefined ? {} : address("--url", values.url);
  return {
    ...where,
    org: values.org,
    key: values["api-key"],
    token: values["api-token"],
    appId: values["app-id"],
    caFile: values.ca,
  };
}

// Without an API key the variables are those of a device, whose token is not for an application.
function fromEnvironment(env: NodeJS.ProcessEnv): Settings {
  const get = (name: string) => env[`WIOTP_${name}`] || undefined;
  const key = get("AUTH_KEY");
  if (key === undefined) return {};
  return {
    key,
    token: get("AUTH_TOKEN"),
    appId: get("IDENTITY_APPID"),
    domain: get("OPTIONS_DOMAIN"),
    port: whole("WIOTP_OPTIONS_MQTT_PORT", get("OPTIONS_MQTT_PORT"), 1, 65_535),
    caFile: get("OPTIONS_MQTT_CAFILE"),
  };
}

/** The first source with a setting wins. Key and token count as one setting, and so do domain, host, port and tls. */
function merged(sources: readonly Settings[]): Settings {
  const first = <K extends keyof Settings>(names: readonly K[]): Pick<Settings, K> => {
    const source = sources.find(source => names.some(name => source[name] !== undefined)) ?? {};
    return Object.fromEntries(names.map(name => [name, source[name]])) as Pick<Settings, K>;
  };
  return {
    ...first(["org"]),
    ...first(["key", "token"]),
    ...first(["appId"]),
    ...first(["domain", "host", "port", "tls"]),
    ...first(["caFile"]),
  };
}

function organization({ org, key }: Settings): string {
  const [, keyOrg] = /^a-([A-Za-z0-9_]{1,36})-/.exec(key ?? "") ?? [];
  if (key !== undefined && keyOrg === undefined && org === undefined) {
    throw new UsageError("an API key looks like a-ORG-…; name the organization with --org where it does not");
  }
  if (org !== undefined && keyOrg !== undefined && !key!.startsWith(`a-${org}-`)) {
    throw new UsageError(`the API key is of organization ${keyOrg}, not ${org}`);
  }
  const found = org ?? keyOrg ?? DEMO_DEVICE.org;
  if (!isOrg(found)) throw new UsageError(`${found} is not an organization id`);
  return found;
}

export function whereTo({ domain, host, port, tls }: Settings, org: string): Address {
  if (host === undefined && domain === undefined) {
    const local = address("", LOCAL);
    return { ...local, port: port ?? local.port, tls: tls ?? local.tls };
  }
  const safe = tls ?? (port !== 1883 && port !== 80);
  return {
    host: host ?? `${org}.messaging.${domain}`,
    port: port ?? (safe ? 8883 : 1883),
    tls: safe,
  };
}
