// Topics that each kind of client may use (docs/protocol.md 2.1), and their translation to broker topics.
//
// Clients use topics without organization (and device); the broker has one topic tree for all. The platform inserts the
// missing levels after the first one for the broker, and removes them for the client, as Amlen does (docs/protocol.md 10):
//
//     device        iot-2/cmd/reboot/fmt/json                     inserts  <org>/type/<T>/id/<D>/
//     application   iot-2/type/<T>/id/<D>/cmd/reboot/fmt/json     inserts  <org>/
//     broker        iot-2/<org>/type/<T>/id/<D>/cmd/reboot/fmt/json

import type { DeviceIdentity, Identity } from "./identity.ts";
import { QUICKSTART } from "./registry.ts";

// Notation of Amlen's topic rules: ~ is one non-empty level without wildcards, + such a level or the wildcard +, * any
// legal rest of a filter.
const DEVICE = {
  publish: [
    "iot-2/evt/~/fmt/~",
    "iotdevice-1/response",
    "iotdevice-1/notify",
    "iotdevice-1/device/update/~",
    "iotdevice-1/add/~/~",
    "iotdevice-1/clear/~/~",
    "iotdevice-1/mgmt/~",
  ],
  subscribe: ["iot-2/cmd/+/fmt/+", "iotdm-1/*", "iot-2/mon", "iot-2/notify"],
};

const QUICKSTART_DEVICE = { publish: ["iot-2/evt/~/fmt/json"], subscribe: [] };

const APPLICATION = {
  publish: ["iot-2/type/~/id/~/evt/~/fmt/~", "iot-2/type/~/id/~/cmd/~/fmt/~"],
  subscribe: ["iot-2/type/+/id/+/evt/+/fmt/+", "iot-2/type/+/id/+/cmd/+/fmt/+", "iot-2/type/+/id/+/mon"],
};

const MAX_LEVELS = 32;

interface Rules {
  readonly publish: readonly RegExp[];
  readonly subscribe: readonly RegExp[];
}

const DEVICE_RULES = compile(DEVICE);
const QUICKSTART_RULES = compile(QUICKSTART_DEVICE);
const APPLICATION_RULES = compile(APPLICATION);

/** Topics of one client. publish() and subscribe() return the broker topic, or undefined if it is not allowed. */
export interface TopicSpace {
  publish(topic: string): string | undefined;
  subscribe(filter: string): string | undefined;
  /** The client topic of a broker topic. */
  fromBroker(topic: string): string;
}

export function topicSpace(identity: Identity): TopicSpace {
  const rules = rulesFor(identity);
  const insert = insertFor(identity);
  return {
    publish: topic => (allowed(rules.publish, topic) ? insertLevels(insert, topic) : undefined),
    subscribe: filter => (allowed(rules.subscribe, filter) ? insertLevels(insert, filter) : undefined),
    fromBroker: topic => removeLevels(insert, topic),
  };
}

/** The broker topic of a device's own topic, without a check. */
export function deviceTopic(device: DeviceIdentity, topic: string): string {
  return insertLevels(insertFor(device), topic);
}

/** A parsed broker topic: the kind of message and the device it is from or for. */
export interface BrokerTopic {
  readonly kind: "event" | "command" | "management";
  readonly org: string;
  readonly type: string;
  readonly id: string;
  /** Event or command id; for management the topic of the device. */
  readonly name: string;
  readonly format: string;
}

const EVENT_OR_COMMAND = /^iot-2\/([^/]+)\/type\/([^/]+)\/id\/([^/]+)\/(evt|cmd)\/([^/]+)\/fmt\/([^/]+)$/;
const MANAGEMENT = /^iotdevice-1\/([^/]+)\/type\/([^/]+)\/id\/([^/]+)\/(.+)$/;

export function parseBrokerTopic(topic: string): BrokerTopic | undefined {
  const message = EVENT_OR_COMMAND.exec(topic);
  if (message) {
    const [, org, type, id, word, name, format] = message as unknown as string[];
    return {
      kind: word === "evt" ? "event" : "command",
      org: org!,
      type: type!,
      id: id!,
      name: name!,
      format: format!,
    };
  }
  const management = MANAGEMENT.exec(topic);
  if (!management) return undefined;
  const [, org, type, id, rest] = management as unknown as string[];
  return { kind: "management", org: org!, type: type!, id: id!, name: `iotdevice-1/${rest}`, format: "json" };
}

/** Whether a filter matches a topic. Both must be legal. */
export function covers(filter: string, topic: string): boolean {
  const wanted = filter.split("/");
  const given = topic.split("/");
  for (const [i, level] of wanted.entries()) {
    if (level === "#") return true;
    if (i >= given.length || (level !== "+" && level !== given[i])) return false;
  }
  return wanted.length === given.length;
}

function rulesFor(identity: Identity): Rules {
  if (identity.kind === "application") return APPLICATION_RULES;
  return identity.org === QUICKSTART ? QUICKSTART_RULES : DEVICE_RULES;
}

function insertFor(identity: Identity): string {
  if (identity.kind === "application") return `${identity.org}/`;
  return `${identity.org}/type/${identity.type}/id/${identity.id}/`;
}

function insertLevels(insert: string, topic: string): string {
  const cut = topic.indexOf("/") + 1;
  return topic.slice(0, cut) + insert + topic.slice(cut);
}

function removeLevels(insert: string, topic: string): string {
  const cut = topic.indexOf("/") + 1;
  return topic.slice(0, cut) + topic.slice(cut + insert.length);
}

function allowed(rules: readonly RegExp[], topic: string): boolean {
  return rules.some(rule => rule.test(topic)) && topic.split("/").length <= MAX_LEVELS;
}

function compile(rules: { publish: readonly string[]; subscribe: readonly string[] }): Rules {
  return { publish: rules.publish.map(toRegExp), subscribe: rules.subscribe.map(toRegExp) };
}

function toRegExp(rule: string): RegExp {
  const level = "[^+#/\\p{Cc}]+";
  const filterLevel = `(?:\\+|${level}|)`;
  const spelled: Record<string, string> = {
    "~": level,
    "+": `(?:\\+|${level})`,
    "*": `(?:${filterLevel}/)*(?:#|${filterLevel})`,
  };
  return new RegExp(`^${rule.replace(/[~+*]/g, sign => spelled[sign]!)}$`, "u");
}
