// Registered devices and applications, and the check of credentials (docs/protocol.md 1.3, 1.6). No method returns a token,
// and no error text contains one.

import { CONNACK } from "./codes.ts";
import { type DeviceIdentity, type Identity, isName, isOrg } from "./identity.ts";

export const QUICKSTART = "quickstart";
const DEVICE_USER = "use-token-auth";

export interface DeviceEntry {
  readonly org: string;
  readonly type: string;
  readonly id: string;
  readonly token: string;
}

export interface ApplicationEntry {
  readonly org: string;
  /** Without it, an application may use any id with this API key. */
  readonly appId?: string;
  /** The part of the API key after `a-<org>-`; the user name is the whole API key. Default: the appId. */
  readonly key?: string;
  readonly token: string;
}

/** What a CONNECT contains besides the client id. */
export interface Credentials {
  readonly user: string | undefined;
  readonly password: Uint8Array | undefined;
  readonly cleanSession: boolean;
}

export class Registry {
  /** True: any device of a known organization may connect with any token that is not empty. */
  open = false;
  readonly #orgs = new Set<string>();
  readonly #deviceTokens = new Map<string, string>();
  readonly #applications = new Map<string, { user: string; appId: string | undefined; token: string }>();
  readonly #orgsWithApplications = new Set<string>();

  addOrg(org: string): void {
    if (!isOrg(org)) throw new TypeError("an organization id is made of letters, digits, - and _");
    this.#orgs.add(org);
  }

  addDevice(device: DeviceEntry): void {
    if (device.org === QUICKSTART) throw new TypeError("Quickstart devices are not registered");
    if (!isName(device.type) || !isName(device.id)) {
      throw new TypeError("device type and id are 1 to 36 of A-Z a-z 0-9 - _ .");
    }
    if (device.token === "") throw new TypeError("a device needs a token");
    this.addOrg(device.org);
    this.#deviceTokens.set(deviceKey(device), device.token);
  }

  /** An organization with a registered application refuses all others. */
  addApplication(application: ApplicationEntry): void {
    const { org, appId, token, key = appId } = application;
    if (key === undefined) throw new TypeError("an application needs an appId or a key");
    if (appId !== undefined && !isName(appId)) throw new TypeError("an application id is 1 to 36 of A-Z a-z 0-9 - _ .");
    if (token === "") throw new TypeError("an application needs a token");
    this.addOrg(org);
    this.#orgsWithApplications.add(org);
    this.#applications.set(`${org}/${appId ?? `key ${key}`}`, { user: `a-${org}-${key}`, appId, token });
  }

  /** The organization that accepts a device with these credentials; Quickstart for a device without credentials. */
  orgOf(device: { type: string; id: string }, credentials: Credentials): string | undefined {
    if (credentials.user === undefined) return this.#orgs.has(QUICKSTART) ? QUICKSTART : undefined;
    return [...this.#orgs].find(
      org => org !== QUICKSTART && this.#acceptsDevice({ kind: "device", org, ...device }, credentials),
    );
  }

  /** The organization that accepts an application without an id: HTTP has only the API key. Never Quickstart. */
  orgOfApplication(named: string | undefined, credentials: Credentials): string | undefined {
    return [...this.#orgs].find(
      org =>
        org !== QUICKSTART &&
        (named === undefined || named === org) &&
        this.#acceptsApplication(org, undefined, credentials),
    );
  }

  knowsOrg(org: string): boolean {
    return this.#orgs.has(org);
  }

  /** The CONNACK code for a client with a legal client id. */
  check(identity: Identity, credentials: Credentials): number {
    return this.#accepts(identity, credentials) ? CONNACK.accepted : CONNACK.notAuthorized;
  }

  #accepts(identity: Identity, credentials: Credentials): boolean {
    if (!this.#orgs.has(identity.org)) return false;
    if (identity.kind === "application") return this.#acceptsApplication(identity.org, identity.appId, credentials);
    // Quickstart has no durable sessions. It ignores credentials, because some SDKs send a user name (docs/protocol.md
    // 1.8).
    if (identity.org === QUICKSTART) return credentials.cleanSession;
    return this.#acceptsDevice(identity, credentials);
  }

  #acceptsDevice(device: DeviceIdentity, { user, password }: Credentials): boolean {
    if (user !== DEVICE_USER || password === undefined || password.length === 0) return false;
    return this.open || sameText(this.#deviceTokens.get(deviceKey(device)), password);
  }

  /** @param appId undefined: any */
  #acceptsApplication(org: string, appId: string | undefined, { user, password }: Credentials): boolean {
    if (!this.#orgsWithApplications.has(org)) return true;
    return [...this.#applications].some(
      ([key, entry]) =>
        key.startsWith(`${org}/`) &&
        (appId === undefined || (entry.appId ?? appId) === appId) &&
        user === entry.user &&
        sameText(entry.token, password),
    );
  }
}

// An organization, type or id has no slash, so the key is unique.
function deviceKey({ org, type, id }: { org: string; type: string; id: string }): string {
  return `${org}/${type}/${id}`;
}

function sameText(expected: string | undefined, bytes: Uint8Array | undefined): boolean {
  return expected !== undefined && bytes !== undefined && Buffer.from(expected).equals(bytes);
}
