// Runs in XS: the module "iotf-embedded" for device programs. Exports the unchanged bundle with the ports of the host as
// default, and counts the cost of the program's handlers.

import {
  DeviceClient as CoreDeviceClient,
  MqttClient as CoreMqttClient,
  type DeviceOptions,
  type MqttOptions,
  type Ports,
} from "../../../../src/index.ts";
import { type PortsOptions, withOptions } from "../../../../targets/node/make-ports.ts";
import { portOverride } from "../../../../targets/node/port-override.ts";
import { installGlobals } from "./globals.ts";
import { costs, counted, uncounted } from "./meter.ts";

// Listed, because XS of the worker takes a name here that is also in `export *` for ambiguous.
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
} from "../../../../src/index.ts";
export { memoryStore } from "../../../../targets/node/memory-store.ts";
export { overridePorts, portOverride } from "../../../../targets/node/port-override.ts";
export { costs, counted, installGlobals };

/** Global of runtime.js. */
declare const host: { readonly ports: Ports };

/** The ports of the host, with their names on Node and on Moddable. Counts the cost of the program's own timers. */
export const devicePorts: Ports = {
  ...host.ports,
  clock: { ...host.ports.clock, timer: due => host.ports.clock.timer(counted("clock.timer", due)) },
};
export const nodePorts: Ports = devicePorts;

/** As on Node and on Moddable; a `readBytes` of Moddable has no meaning here. */
export function makePorts(options: PortsOptions = {}): Ports {
  return withOptions(portOverride()?.ports ?? devicePorts, options);
}

export class DeviceClient extends CoreDeviceClient {
  constructor(options?: DeviceOptions, ports: Ports = portOverride()?.ports ?? devicePorts) {
    const count = uncounted();
    super(options, ports);
    count();
    portOverride()?.created(this);
    countHandlers(this, ["connectedCallback", "disconnectedCallback", "errorCallback"]);
    countHandlers(this, ["commandCallback"], ([{ command }]) => `commandCallback ${command}`);
    const publishEvent = this.publishEvent;
    this.publishEvent = (event, format, data, qos, onPublish) =>
      publishEvent.call(this, event, format, data, qos, onPublish && counted(`onPublish ${event}`, onPublish));
  }
}

export class MqttClient extends CoreMqttClient {
  constructor(options: MqttOptions, ports: Ports = portOverride()?.ports ?? devicePorts) {
    const count = uncounted();
    super(options, ports);
    count();
    portOverride()?.created(this);
    countHandlers(this, ["connectedCallback", "disconnectedCallback", "errorCallback"]);
    countHandlers(this, ["messageCallback", "oversizeCallback"]);
    const publish = this.publish;
    this.publish = (topic, payload, qos, retain, done) =>
      publish.call(this, topic, payload, qos, retain, done && counted("publish done", done));
  }
}

// biome-ignore lint/suspicious/noExplicitAny: handlers of any kind
type Handler = (...args: any[]) => void;

/** Handlers assigned to these properties of the client are counted, under the given names. */
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
