// Runs inside XS: what `import "iotf-embedded"` is to a device program there. The bundle, unchanged, with the ports of the
// host as default; and what the program's own handlers cost is counted.

import {
  DeviceClient as CoreDeviceClient,
  MqttClient as CoreMqttClient,
  type DeviceOptions,
  type MqttOptions,
  type Ports,
} from "../../../src/index.ts";
import { borrowed } from "../../node/lent.ts";
import { installGlobals } from "./globals.ts";
import { costs, counted, uncounted } from "./meter.ts";

// One by one: to the XS of the worker, a name that is both here and in what `export *` brings is ambiguous.
export {
  ConfigurationException,
  ConnectionException,
  DEFAULT_DOMAIN,
  DEFAULT_LIMITS,
  InvalidEventException,
  MAX_PAYLOAD_BYTES,
  MissingMessageDecoderException,
  MissingMessageEncoderException,
  parseConfig,
  UnsupportedAuthenticationMethod,
} from "../../../src/index.ts";
export { borrowed, lend } from "../../node/lent.ts";
export { memoryStore } from "../../node/memory-store.ts";
export { costs, counted, installGlobals };

/** What runtime.js publishes. */
declare const host: { readonly ports: Ports };

/** The ports there are, under the names they have on Node and on Moddable. What a program's own timers take is counted. */
export const devicePorts: Ports = {
  ...host.ports,
  clock: { ...host.ports.clock, timer: due => host.ports.clock.timer(counted("clock.timer", due)) },
};
export const nodePorts: Ports = devicePorts;

export class DeviceClient extends CoreDeviceClient {
  constructor(options?: DeviceOptions, ports: Ports = borrowed()?.ports ?? devicePorts) {
    const count = uncounted();
    super(options, ports);
    count();
    borrowed()?.made(this);
    countHandlers(this, ["connectedCallback", "disconnectedCallback", "errorCallback"]);
    countHandlers(this, ["commandCallback"], ([{ command }]) => `commandCallback ${command}`);
    const publishEvent = this.publishEvent;
    this.publishEvent = (event, format, data, qos, onPublish) =>
      publishEvent.call(this, event, format, data, qos, onPublish && counted(`onPublish ${event}`, onPublish));
  }
}

export class MqttClient extends CoreMqttClient {
  constructor(options: MqttOptions, ports: Ports = borrowed()?.ports ?? devicePorts) {
    const count = uncounted();
    super(options, ports);
    count();
    borrowed()?.made(this);
    countHandlers(this, ["connectedCallback", "disconnectedCallback", "errorCallback"]);
    countHandlers(this, ["messageCallback", "oversizeCallback"]);
    const publish = this.publish;
    this.publish = (topic, payload, qos, retain, done) =>
      publish.call(this, topic, payload, qos, retain, done && counted("publish done", done));
  }
}

// biome-ignore lint/suspicious/noExplicitAny: handlers of any kind
type Handler = (...args: any[]) => void;

/** What is assigned to these properties of the client is counted, by the name of the property or another. */
function countHandlers(client: object, names: readonly string[], nameOf?: (args: Parameters<Handler>) => string): void {
  for (const name of names) {
    const inherited = accessor(client, name);
    let own = inherited ? inherited.get!.call(client) : (client as Record<string, unknown>)[name];
    Object.defineProperty(client, name, {
      get: () => (inherited ? inherited.get!.call(client) : own),
      set(handler: Handler | undefined) {
        const wrapped = handler && counted(nameOf ?? name, handler);
        if (inherited) inherited.set!.call(client, wrapped);
        else own = wrapped;
      },
    });
  }
}

function accessor(client: object, name: string): PropertyDescriptor | undefined {
  for (let one = Object.getPrototypeOf(client); one; one = Object.getPrototypeOf(one)) {
    const found = Object.getOwnPropertyDescriptor(one, name);
    if (found) return found.set ? found : undefined;
  }
  return undefined;
}
