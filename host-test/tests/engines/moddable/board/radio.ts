// The board's Wi-Fi and what is behind it: an access point, name and time servers. Stand-ins of the SDK's
// `embedded:network/interface/wifi` (ESP32, ECMA-419), `net`, `sntp`, `setup/network` and `System.resolve`.
//
// What they keep of the SDK's sources: every WiFi instance hears what happens to the one radio, but has a state of its
// own, so that one that has not tried hears nothing of a failed attempt; `connect` throws while an attempt is under way;
// no reason is told; an address comes after the link. SNTP asks five times, five seconds apart, then fails; a name that
// cannot be resolved fails at once.

import { Time, Timer, world } from "./world.ts";

/** Milliseconds an attempt takes: until there is a link, then an address; until a failure is known. */
const LINK_MS = 800;
const ADDRESS_MS = 1200;
const FAILURE_MS = 2500;
const RESOLVE_MS = 40;
const RESOLVE_FAILURE_MS = 4000;

type RadioEvent = "connected" | "disconnected" | "address";

/** What the test changes. */
export const surroundings = {
  ssid: "home",
  password: "secret99",
  /** The access point is switched on. */
  accessPoint: true,
  /** There is a way from the access point to the rest of the world. */
  uplink: true,
  /** Seconds since 1970 at the start of the world, as the time server has it; undefined: it does not answer. */
  time: undefined as number | undefined,
};

export const radio = {
  state: "idle" as "idle" | "connecting" | "linked" | "addressed",
  /** Attempts so far, with their seconds. */
  attempts: [] as number[],
  instances: [] as WiFi[],
  cancel: () => {},

  attempt(ssid: string, password: string | undefined): void {
    if (radio.state !== "idle") throw new Error("connect failed");
    radio.state = "connecting";
    radio.attempts.push(Math.floor(world.now / 1000));
    const { accessPoint } = surroundings;
    const welcome = accessPoint && ssid === surroundings.ssid && (password ?? "") === surroundings.password;
    radio.cancel = world.after(welcome ? LINK_MS : FAILURE_MS, () => (welcome ? radio.link() : radio.lose()));
  },

  link(): void {
    radio.state = "linked";
    radio.tell("connected");
    radio.cancel = world.after(ADDRESS_MS, () => {
      radio.state = "addressed";
      radio.tell("address");
    });
  },

  lose(): void {
    radio.cancel();
    radio.state = "idle";
    radio.tell("disconnected");
  },

  tell(event: RadioEvent): void {
    for (const wifi of radio.instances) world.after(0, () => wifi.hears(event));
  },
};

export function online(): boolean {
  return radio.state === "addressed";
}

interface WiFiOptions {
  onChanged?: (this: WiFi, property: string) => void;
}

export class WiFi {
  private readonly onChanged: WiFiOptions["onChanged"];
  private connecting = false;
  private connected: boolean;
  private ip: boolean;
  private closed = false;

  constructor({ onChanged }: WiFiOptions) {
    this.onChanged = onChanged;
    this.connected = radio.state === "linked" || online();
    this.ip = online();
    radio.instances.unshift(this);
  }

  close(): void {
    this.closed = true;
    radio.instances = radio.instances.filter(other => other !== this);
  }

  connect(options: { SSID?: string; password?: string }): void {
    if (this.connecting) throw new Error("already connecting");
    if (options.SSID === undefined) throw new Error("SSID required");
    radio.attempt(options.SSID, options.password);
    this.connecting = true;
  }

  get connection(): number {
    if (this.connected) return this.ip ? 500 : 400;
    return this.connecting ? 300 : 200;
  }

  get SSID(): string | undefined {
    return radio.state === "linked" || online() ? surroundings.ssid : undefined;
  }

  get address(): string | undefined {
    return online() ? "192.0.2.31" : undefined;
  }

  /** @internal */
  hears(event: RadioEvent): void {
    if (this.closed) return;
    const before = this.connection;
    const { ip } = this;
    this.connected = event !== "disconnected";
    this.ip = event === "address";
    if (event !== "address") this.connecting = false;
    if (this.connection !== before) this.onChanged?.("connection");
    if (!ip && this.ip && !this.closed) this.onChanged?.("address");
  }
}

/** The system's resolver: one answer, later. */
export function resolve(host: string, answered: (host: string, address?: string) => void): void {
  const literal = /^[\d.]+$/.test(host);
  const known = literal || (online() && surroundings.uplink && !host.endsWith(".invalid"));
  world.after(literal ? 0 : known || !online() ? RESOLVE_MS : RESOLVE_FAILURE_MS, () =>
    known ? answered(host, literal ? host : "192.0.2.1") : answered(host),
  );
}

export const Net = {
  get(property: string): unknown {
    if (property === "MAC") return "24:0a:c4:00:01:10";
    if (property === "RSSI" && (radio.state === "linked" || online())) return -58;
    return undefined;
  },
  resolve,
};

const ASK_MS = 5000;
const ASKS = 5;

export class SNTP {
  static readonly time = 1;
  static readonly retry = 2;
  static readonly error = -1;
  private readonly callback: (message: number, value?: unknown) => string | undefined;
  private readonly timer: ReturnType<typeof Timer.repeat>;
  private left = ASKS;
  private resolved = false;
  private open = true;

  constructor({ host }: { host: string }, callback: (message: number, value?: unknown) => string | undefined) {
    this.callback = callback;
    this.timer = Timer.repeat(() => {
      if (!--this.left) return this.fail("no response from SNTP server");
      this.ask();
      this.callback(SNTP.retry);
    }, ASK_MS);
    this.start(host);
  }

  private start(host: string): void {
    this.left = ASKS;
    resolve(host, (_, address) => {
      if (!this.open) return;
      if (!address) return this.fail(`cannot resolve ${host}`);
      this.resolved = true;
      this.ask();
      Timer.schedule(this.timer, ASK_MS, ASK_MS);
    });
  }

  private ask(): void {
    if (!this.resolved || !online() || !surroundings.uplink || surroundings.time === undefined) return;
    world.after(RESOLVE_MS, () => {
      if (!this.open || surroundings.time === undefined) return;
      this.close();
      this.callback(SNTP.time, surroundings.time + Math.floor(world.now / 1000));
    });
  }

  private fail(reason: string): void {
    const host = this.callback(SNTP.error, reason);
    if (!host) return this.close();
    Timer.schedule(this.timer, ASK_MS, ASK_MS);
    this.start(host);
  }

  private close(): void {
    this.open = false;
    Timer.clear(this.timer);
  }
}

/** The SDK's set-up before main: connects once and waits for an address as long as it takes, then asks once for the time. */
export function setupNetwork(config: Record<string, unknown>, done: () => void): void {
  if (!config.ssid) {
    world.trace("No Wi-Fi SSID\n");
    return done();
  }
  const wifi = new WiFi({
    onChanged() {
      if (this.connection >= 500) {
        world.trace(`IP address ${this.address}\n`);
        this.close();
        askForTime(config.sntp as string | undefined, done);
      } else if (this.connection >= 400) world.trace(`Wi-Fi connected to "${this.SSID}"\n`);
      else if (this.connection <= 200) world.trace("Wi-Fi disconnected\n");
    },
  });
  wifi.connect({ SSID: config.ssid as string, ...(config.password ? { password: config.password as string } : {}) });
}

function askForTime(host: string | undefined, done: () => void): void {
  if (!host || Date.now() > 1_672_722_071_000) return done();
  new SNTP({ host }, (message, value) => {
    if (message === SNTP.retry) return undefined;
    if (message === SNTP.time) {
      world.trace(`got unix time ${value} from ${host}\n`);
      Time.set(value as number);
    } else world.trace("can't get time\n");
    done();
    return undefined;
  });
}
