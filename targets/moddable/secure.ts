// What the SDK's TLS needs around it: options in its own terms, and sockets under it that keep its failures inside the
// connection.

import { ConfigurationException, type TlsOptions } from "../../src/index.ts";
import { Der, INTEGER, OBJECT_IDENTIFIER, SEQUENCE } from "./tls/der.ts";
import { derOf } from "./tls/pem.ts";
import { RSA_ENCRYPTION } from "./tls/signature.ts";

/** @throws ConfigurationException naming the option that cannot be used */
export function secureOptions(tls: TlsOptions): object {
  if (!tls.cert !== !tls.key) throw new ConfigurationException(tls.key ? "key without cert" : "cert without key");
  const options: Record<string, unknown> = {};
  if (tls.serverName) options.serverName = tls.serverName;
  if (tls.ca) {
    // What the package's ssl/cert takes: certificates in DER, one behind the other.
    options.certificate = derOf("ca", tls.ca, "CERTIFICATE");
    split("ca", options.certificate as Uint8Array);
  }
  if (tls.cert) options.clientCertificates = split("cert", derOf("cert", tls.cert, "CERTIFICATE"));
  if (tls.key) options.clientKey = rsaKey(derOf("key", tls.key, "PRIVATE KEY"));
  return options;
}

function split(option: string, all: Uint8Array): Uint8Array[] {
  const parts: Uint8Array[] = [];
  try {
    const rest = new Der(all);
    while (rest.length) {
      const start = rest.offset;
      rest.read(SEQUENCE);
      parts.push(all.subarray(start, rest.offset));
    }
  } catch {
    throw new ConfigurationException(`${option} must be certificates and nothing else`);
  }
  return parts;
}

/** The SDK signs with RSA only, and reads the key from PKCS #8. */
function rsaKey(der: Uint8Array): Uint8Array {
  try {
    const info = new Der(der).read(SEQUENCE);
    info.read(INTEGER);
    if (info.read(SEQUENCE).read(OBJECT_IDENTIFIER).equals(RSA_ENCRYPTION)) return der;
  } catch {}
  throw new ConfigurationException("key must be an RSA key in PKCS #8: the Moddable SDK signs with no other");
}

/** A TCP socket class as ECMA-419 has it. */
export type SocketClass = new (
  options: SocketOptions,
) => {
  /** Fills the buffer with bytes that are there already. */
  read(into: Uint8Array): unknown;
  close(): void;
  write(bytes: Uint8Array | ArrayBuffer): number | undefined;
};

interface SocketOptions {
  onReadable(count: number): void;
  onWritable(count: number): void;
  /** Ours, handed through the TLS socket to the TCP socket under it. */
  onBroken(error: unknown): void;
}

/** Type, version, length. */
const RECORD_HEAD_BYTES = 5;
/** Types of TLS records. */
const CHANGE_CIPHER_SPEC = 20;
const APPLICATION_DATA = 23;

/**
 * The TCP sockets under TLS. What the TLS session throws there (a refused certificate, an alert, a broken record) ends
 * the connection; thrown into the event loop, it would restart the device. And no data of the application passes, either
 * way, before there are keys: a close_notify in the middle of the handshake makes the TLS socket report itself writable,
 * and the TLS session delivers what came in the clear before it.
 *
 * The TLS socket gets one record at a time: with more, it continues in a timer of its own, where nothing would catch.
 */
export function guarded(io: SocketClass): SocketClass {
  return class extends io {
    private keyed = false;
    private serverKeyed = false;
    /** Of the record that is being read: bytes of its head that were read, and of its body that were not. */
    private headRead = 0;
    private bodyLeft = 0;
    private closed = false;

    constructor(options: SocketOptions) {
      const hand = (count: number) => this.hand(count, options.onReadable);
      const guard = (callback: (count: number) => void) => (count: number) => {
        try {
          callback(count);
        } catch (error) {
          options.onBroken(error);
        }
      };
      super({ ...options, onReadable: guard(hand), onWritable: guard(options.onWritable) });
    }

    private hand(count: number, onReadable: (count: number) => void): void {
      for (let rest = count; rest > 0 && !this.closed; ) {
        const left = this.headRead < RECORD_HEAD_BYTES ? RECORD_HEAD_BYTES - this.headRead : this.bodyLeft;
        const part = Math.min(rest, left);
        onReadable(part);
        rest -= part;
      }
    }

    override read(into: Uint8Array): unknown {
      const result = super.read(into);
      for (let at = 0; at < into.length; ) at = this.inspect(into, at);
      return result;
    }

    /** Looks at one byte of a record's head, or passes its body. Returns the index behind that. */
    private inspect(bytes: Uint8Array, at: number): number {
      let next = at + 1;
      if (this.headRead < RECORD_HEAD_BYTES) {
        const byte = bytes[at]!;
        if (this.headRead === 0) {
          if (byte === APPLICATION_DATA && !this.serverKeyed) throw new Error("TLS: data in the clear");
          if (byte === CHANGE_CIPHER_SPEC) this.serverKeyed = true;
        }
        this.headRead++;
        this.bodyLeft = ((this.bodyLeft << 8) | byte) & 0xffff;
      } else {
        next = Math.min(at + this.bodyLeft, bytes.length);
        this.bodyLeft -= next - at;
      }
      if (this.headRead === RECORD_HEAD_BYTES && this.bodyLeft === 0) this.headRead = 0;
      return next;
    }

    override close(): void {
      this.closed = true;
      super.close();
    }

    override write(bytes: Uint8Array | ArrayBuffer): number | undefined {
      const type = (bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes, 0, 1))[0];
      if (type === CHANGE_CIPHER_SPEC) this.keyed = true;
      if (type === APPLICATION_DATA && !this.keyed) throw new Error("TLS ended before it began");
      return super.write(bytes);
    }
  };
}
