// The few things of Espruino that this target uses. Strings carry bytes: one character each, 0..255.

interface EspruinoSocket {
  /** Appends to what waits to be sent. Throws on a socket that is closed. */
  write(data: string): boolean;
  /** Closes when what was written is sent. */
  end(): void;
  on(event: "data", listener: (data: string) => void): void;
  /** All that was written is sent; also once when the connection is up. */
  on(event: "drain", listener: () => void): void;
  on(event: "error", listener: (error: { code: number; message: string }) => void): void;
  on(event: "close", listener: (hadError: boolean) => void): void;
}

interface EspruinoNet {
  /** Blocks while it connects; throws when that fails. */
  connect(options: object, connected: () => void): EspruinoSocket;
}

interface EspruinoStorage {
  read(name: string): string | undefined;
  /** false: no room. */
  write(name: string, data: string): boolean;
  erase(name: string): void;
  list(pattern?: RegExp): string[];
}

/** `require`, under a name that the bundler leaves alone (lower.ts). */
declare function engineRequire(name: "net" | "tls"): EspruinoNet;
declare function engineRequire(name: "Storage"): EspruinoStorage;

/** Seconds, with a fraction, since it was switched on, or since 1970 where the clock was set. */
declare function getTime(): number;
declare function getSerial(): string;
declare function setTimeout(callback: () => void, milliseconds: number): number;
/** Throws for undefined. */
declare function clearTimeout(timer: number): void;

declare const E: {
  /** May be the very bytes, not a copy. */
  toString(bytes: Uint8Array): string;
  toUint8Array(text: string): Uint8Array;
  /** Characters above U+00FF become `replacement`. */
  decodeUTF8(text: string, lookup: undefined, replacement: string): string;
};
