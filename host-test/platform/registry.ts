// Which devices and applications are known, and do these credentials fit (§1.3, §1.6)? Tokens come in here and never
// leave: no method returns one and no error text carries one.

import { type DeviceIdentity, type Identity, isName, isOrg } from "./identity.ts";
import { CONNACK } from "./reasons.ts";

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
  readonly appId: string;
  /** The part of the API key after `a-<org>-`; the user name is the whole API key. Default: the appId. */
  readonly key?: string;
  readonly token: string;
}

/** What a CONNECT brings along besides its client id. */
export interface Credentials {
  readonly user: string | undefined;
  readonly password: Uint8Array | undefined;
  readonly cleanSession: boolean;
}

export class Registry {
  /** When true, devices of known organizations need no entry and may use any token (but must send one). */
  open = false;
  readonly #orgs = new Set<string>();
  readonly #deviceTokens = new Map<string, string>();
  readonly #applications = new Map<string, { user: string; token: string }>();
  readonly #closedToApplications = new Set<string>();

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

  /** From the first registered application on, its organization refuses all applications that are not registered. */
  addApplication(application: ApplicationEntry): void {
    const { org, appId, token, key = appId } = application;
    if (!isName(appId)) throw new TypeError("an application id is 1 to 36 of A-Z a-z 0-9 - _ .");
    if (token === "") throw new TypeError("an application needs a token");
    this.addOrg(org);
    this.#closedToApplications.add(org);
    this.#applications.set(`${org}/${appId}`, { user: `a-${org}-${key}`, token });
  }

  /** The organization in which a device with these credentials is let in; Quickstart, for one that sends none. */
  orgOf(device: { type: string; id: string }, credentials: Credentials): string | undefined {
    if (credentials.user === undefined) return this.#orgs.has(QUICKSTART) ? QUICKSTART : undefined;
    return [...this.#orgs].find(
      org => org !== QUICKSTART && this.#admitsDevice({ kind: "device", org, ...device }, credentials),
    );
  }

  knowsOrg(org: string): boolean {
    return this.#orgs.has(org);
  }

  /** The CONNACK code for a client that spells its id correctly. */
  judge(identity: Identity, credentials: Credentials): number {
    return this.#admits(identity, credentials) ? CONNACK.accepted : CONNACK.notAuthorized;
  }

  #admits(identity: Identity, credentials: Credentials): boolean {
    if (!this.#orgs.has(identity.org)) return false;
    if (identity.kind === "application") return this.#admitsApplication(identity.org, identity.appId, credentials);
    // No durable sessions on Quickstart; credentials are ignored, since some SDKs send a user name all the same (§1.8).
    if (identity.org === QUICKSTART) return credentials.cleanSession;
    return this.#admitsDevice(identity, credentials);
  }

  #admitsDevice(device: DeviceIdentity, { user, password }: Credentials): boolean {
    if (user !== DEVICE_USER || password === undefined || password.length === 0) return false;
    return this.open || sameText(this.#deviceTokens.get(deviceKey(device)), password);
  }

  #admitsApplication(org: string, appId: string, { user, password }: Credentials): boolean {
    if (!this.#closedToApplications.has(org)) return true;
    const entry = this.#applications.get(`${org}/${appId}`);
    return entry !== undefined && user === entry.user && sameText(entry.token, password);
  }
}

// The slash cannot occur in an organization, type or id, so different devices never share a key.
function deviceKey({ org, type, id }: { org: string; type: string; id: string }): string {
  return `${org}/${type}/${id}`;
}

function sameText(expected: string | undefined, bytes: Uint8Array | undefined): boolean {
  return expected !== undefined && bytes !== undefined && Buffer.from(expected).equals(bytes);
}
