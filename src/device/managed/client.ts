// ManagedDeviceClient: `ibmiotf.device.ManagedClient` of the Python SDK. An entry of its own, so that a device that is not
// managed does not carry it. Each method checks its arguments and makes one request; management.ts does the rest.

import { ConfigurationException } from "../../errors.ts";
import { DEFAULT_LIMITS } from "../../mqtt/options.ts";
import type { Ports } from "../../ports.ts";
import { encodeUtf8 } from "../../utf8.ts";
import { DeviceClient } from "../client.ts";
import { base64 } from "./base64.ts";
import { type ManagedCallbacks, Management } from "./management.ts";
import { checkManaged, deviceInfoFault, locationFault, logFault, metadataFault, throwIf } from "./options.ts";
import { ADD_ERROR_CODE, ADD_LOG, CLEAR_ERROR_CODES, CLEAR_LOG, LOCATION } from "./topics.ts";
import type {
  AttributeName,
  CustomAction,
  DeviceInfo,
  Firmware,
  Location,
  LogEntry,
  ManagedDeviceOptions,
  RequestCallback,
  ServerRequest,
} from "./types.ts";

/**
 * A device that the platform manages: it reports its location, error codes and log, and executes what an operator asks for.
 *
 * Each request of the device has an optional `done` as last argument. It is called once: see {@link RequestCallback}.
 * Without it errorCallback gets the error. At most `managed.limits.requests` requests wait for their answers; until then the
 * client keeps the id of each and `done`, and until the acknowledgement the message. A request method returns false when too
 * many wait, and in the cases in which publishEvent does; it then keeps nothing and does not call `done`. It throws
 * ConfigurationException for arguments that cannot be sent, and ConnectionException `not-connected` before the first connect().
 */
export class ManagedDeviceClient extends DeviceClient implements ManagedCallbacks {
  /**
   * The server asks the device to restart. Answer 202 and restart in `confirmed`; a device that restarts before may get the
   * request again. After the restart, manage() tells the server that it is done. Without this callback: answered 501.
   */
  rebootCallback: ((request: ServerRequest) => void) | undefined;
  /** As {@link rebootCallback}, for a return to factory settings. */
  factoryResetCallback: ((request: ServerRequest) => void) | undefined;
  /** The server asks for an action of one of `managed.bundles`. Answer 200 when it is done. Without it: answered 501. */
  customActionCallback: ((request: CustomAction) => void) | undefined;
  /** The server has set an attribute; `value` is the whole new value. The request is answered already. */
  attributeCallback: ((name: AttributeName, value: unknown) => void) | undefined;

  private readonly management: Management;

  /**
   * @param options plain data; see {@link ManagedDeviceOptions}. Quickstart devices cannot be managed
   * @param ports as DeviceClient
   * @throws ConfigurationException, UnsupportedAuthenticationMethod; nothing is sent before connect()
   */
  constructor(options: ManagedDeviceOptions, ports: Ports) {
    if (typeof options !== "object" || !options) throw new ConfigurationException("options must be an object");
    const device = Object.assign({}, options) as ManagedDeviceOptions;
    delete device.managed;
    const settings = checkManaged(options.managed);
    super(device, ports);
    if (this.clientId.indexOf("d:quickstart:") === 0) {
      throw new ConfigurationException("a Quickstart device cannot be managed: set org, type, id and auth-token");
    }
    const maxValues = options.limits?.values ?? DEFAULT_LIMITS.values;
    this.management = new Management(this.connection, this, settings, maxValues);
  }

  /** True from the server's answer to manage() until it accepts unmanage(), or refuses or does not answer a renewal. */
  get managed(): boolean {
    return this.management.lifetime.managed;
  }

  /** What the server offers, and how far it is downloaded and installed. */
  get firmware(): Firmware {
    return Object.assign({}, this.management.attributes.firmware);
  }

  override connect(): void {
    super.connect();
    this.management.connecting();
  }

  override disconnect(done?: () => void): void {
    super.disconnect(() => {
      if (!this.active) this.management.disconnected(); // else connect() has cancelled disconnect()
      done?.();
    });
  }

  /**
   * Becomes a managed device with `managed.lifetime`, the device info, the metadata, and the actions that have a callback or
   * an installer now. Call it at each start, after the callbacks are set; without `done` it may be called before connect().
   * The client sends it again 120 s before the lifetime ends, and after 60 s when the server has not answered or has answered
   * 409 or 500. After 400, 403 and 404 it does not try again.
   */
  manage(done?: RequestCallback): boolean {
    return this.management.lifetime.manage(done);
  }

  /** Is not a managed device any more. Location, error codes and log may still be sent. */
  unmanage(done?: RequestCallback): boolean {
    return this.management.lifetime.unmanage(done);
  }

  /** Tells the server where the device is. Kept until the next location, for a server that observes it. */
  setLocation(location: Location, done?: RequestCallback): boolean {
    throwIf(locationFault(location));
    const { management } = this;
    const measured = { ...location, measuredDateTime: location.measuredDateTime ?? isoTime(management) };
    if (!management.requests.send(LOCATION, measured, done)) return false;
    management.attributes.replace("location", measured);
    return true;
  }

  /** Adds an error code, a whole number, to those that the server keeps. */
  addErrorCode(errorCode: number, done?: RequestCallback): boolean {
    throwIf(errorCode % 1 === 0 ? "" : `errorCode must be a whole number, not ${errorCode}`);
    return this.management.requests.send(ADD_ERROR_CODE, { errorCode }, done);
  }

  clearErrorCodes(done?: RequestCallback): boolean {
    return this.management.requests.send(CLEAR_ERROR_CODES, undefined, done);
  }

  /** Adds an entry to the log that the server keeps. */
  addLog(entry: LogEntry, done?: RequestCallback): boolean {
    throwIf(logFault(entry));
    const { message, severity = 0, timestamp = isoTime(this.management), data } = entry;
    const log: Record<string, unknown> = { message, timestamp, severity };
    if (data !== undefined) log.data = base64(typeof data === "string" ? encodeUtf8(data) : data);
    return this.management.requests.send(ADD_LOG, log, done);
  }

  clearLog(done?: RequestCallback): boolean {
    return this.management.requests.send(CLEAR_LOG, undefined, done);
  }

  /** Replaces the device info. The server gets it with the next manage(), and at once if it observes it. */
  setDeviceInfo(deviceInfo: DeviceInfo): void {
    throwIf(deviceInfoFault(deviceInfo));
    this.management.attributes.replace("deviceInfo", deviceInfo);
  }

  /** Replaces the metadata. The server gets them with the next manage(), and at once if it observes them. */
  setMetadata(metadata: Readonly<Record<string, unknown>>): void {
    throwIf(metadataFault(metadata, this.management.settings.limits.metadataBytes));
    this.management.attributes.replace("metadata", metadata);
  }
}

/** The time by the engine's clock, ISO 8601. */
function isoTime({ clock }: Management): string {
  return new Date(clock.date()).toISOString();
}
