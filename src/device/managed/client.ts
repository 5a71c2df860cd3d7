// ManagedDeviceClient: `ibmiotf.device.ManagedClient` of the Python SDK. An entry of its own, so that a device that is not
// managed does not carry it. Each method checks its arguments and makes one request; management.ts does the rest.

import { ConfigurationException } from "../../errors.ts";
import { DEFAULT_LIMITS } from "../../mqtt/options.ts";
import type { Ports } from "../../ports.ts";
import { encodeUtf8 } from "../../utf8.ts";
import { base64 } from "../base64.ts";
import { DeviceClient } from "../client.ts";
import { type ManagedCallbacks, Management } from "./management.ts";
import { attributeFault, checkManaged, logFault, throwFault } from "./options.ts";
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
 * ConfigurationException for an argument of a wrong type or range, InvalidEventException for what JSON cannot write and for
 * more than 131,072 bytes, and ConnectionException `not-connected` before the first connect().
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
  /** The server has set an attribute; `value` is a copy of the whole new value. The request is answered already. */
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

  /** True after an accepted manage. False after an accepted unmanage, and after a manage that was refused or not answered. */
  get managed(): boolean {
    return this.management.lifetime.managed;
  }

  /** What the server offers, and how far it is downloaded and installed. */
  get firmware(): Firmware {
    return this.management.firmware;
  }

  override connect(): void {
    super.connect();
    this.management.connecting();
  }

  override disconnect(done?: () => void): void {
    this.management.leaving();
    super.disconnect(done);
  }

  /**
   * Becomes a managed device with `managed.lifetime`, the device info, the metadata, and the actions that have a callback or
   * an installer now. Call it at each start, after the callbacks are set; without `done` it may be called before connect().
   * The client sends it again 120 s before the lifetime ends, after disconnect() and connect(), and 60 s after a failure,
   * unless the server has answered 400, 403 or 404.
   */
  manage(done?: RequestCallback): boolean {
    return this.management.lifetime.manage(done);
  }

  /** Ends management when the server accepts it. Location, error codes and log may still be sent. */
  unmanage(done?: RequestCallback): boolean {
    return this.management.lifetime.unmanage(done);
  }

  /** Tells the server where the device is. Kept until the next location, for a server that observes it. */
  setLocation(location: Location, done?: RequestCallback): boolean {
    const { management } = this;
    throwFault(attributeFault("location", location, 0));
    const measured = { ...location, measuredDateTime: location.measuredDateTime ?? this.management.isoTime };
    if (!management.request(LOCATION, measured, done)) return false;
    management.setAttribute("location", measured);
    return true;
  }

  /** Adds an error code, a whole number, to those that the server keeps. */
  addErrorCode(errorCode: number, done?: RequestCallback): boolean {
    if (typeof errorCode !== "number" || errorCode % 1 !== 0) {
      throw new ConfigurationException(`errorCode must be a whole number, not ${errorCode}`);
    }
    return this.management.request(ADD_ERROR_CODE, { errorCode }, done);
  }

  clearErrorCodes(done?: RequestCallback): boolean {
    return this.management.request(CLEAR_ERROR_CODES, undefined, done);
  }

  /** Adds an entry to the log that the server keeps. */
  addLog(entry: LogEntry, done?: RequestCallback): boolean {
    throwFault(logFault(entry));
    const { message, severity = 0, timestamp = this.management.isoTime, data } = entry;
    const log: Record<string, unknown> = { message, timestamp, severity };
    if (data !== undefined) log.data = base64(typeof data === "string" ? encodeUtf8(data) : data);
    return this.management.request(ADD_LOG, log, done);
  }

  clearLog(done?: RequestCallback): boolean {
    return this.management.request(CLEAR_LOG, undefined, done);
  }

  /** Replaces the device info. The server gets it with the next manage(), and at once if it observes it. */
  setDeviceInfo(deviceInfo: DeviceInfo): void {
    this.management.setAttribute("deviceInfo", deviceInfo);
  }

  /** Replaces the metadata. The server gets them with the next manage(), and at once if it observes them. */
  setMetadata(metadata: Readonly<Record<string, unknown>>): void {
    this.management.setAttribute("metadata", metadata);
  }
}
