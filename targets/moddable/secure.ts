// What the SDK's TLS needs around it: options in its own terms, and sockets under it that keep its failures inside the
// connection.

import { ConfigurationException, type TlsOptions } from "../../src/index.ts";

/** What XS has of ECMAScript 2026, and what only a Moddable device has. */
type DeviceBytes = typeof Uint8Array & { fromBase64(text: string): Uint8Array };
type DeviceStrings = typeof String & { fromArrayBuffer(buffer: ArrayBufferLike): string };

/** @throws ConfigurationException naming the option that is neither DER nor one PEM block */
export function secureOptions(tls: TlsOptions): object {
  const options: Record<string, unknown> = {};
  if (tls.serverName) options.serverName = tls.serverName;
  if (tls.ca) options.certificate = der("ca", tls.ca);
  if (tls.cert) options.clientCertificates = [der("cert", tls.cert)];
  if (tls.key) options.clientKey = der("key", tls.key);
  return options;
}

function der(option: string, data: string | Uint8Array): Uint8Array {
  if (typeof data !== "string" && data[0] === 0x30) return data;
  const text = typeof data === "string" ? data : (String as DeviceStrings).fromArrayBuffer(data.slice().buffer);
  const blocks = text.split("-----BEGIN ");
  const block = /^[A-Z ]+-----([A-Za-z0-9+/=\s]+)-----END /.exec(blocks[1] ?? "");
  // The SDK's session takes one authority.
  if (blocks.length !== 2 || !block) throw new ConfigurationException(`${option} must be DER, or PEM with one block`);
  return (Uint8Array as DeviceBytes).fromBase64(block[1]!);
}

/** A TCP socket class as ECMA-419 has it. */
export type SocketClass = new (
  options: SocketOptions,
) => { write(bytes: Uint8Array | ArrayBuffer): number | undefined };

interface SocketOptions {
  onReadable(count: number): void;
  onWritable(count: number): void;
  /** Ours, handed through the TLS socket to the TCP socket under it. */
  onBroken(error: unknown): void;
}

/** Types of TLS records. */
const CHANGE_CIPHER_SPEC = 20;
const APPLICATION_DATA = 23;

/**
 * The TCP sockets under TLS. What the TLS session throws there (a refused certificate, an alert, a broken record) ends
 * the connection; thrown into the event loop, it would restart the device. And nothing of the application leaves before
 * there are keys: a close_notify in the middle of the handshake makes the TLS socket report itself writable.
 */
export function guarded(io: SocketClass): SocketClass {
  return class extends io {
    private keyed = false;

    constructor(options: SocketOptions) {
      const guard = (callback: (count: number) => void) => (count: number) => {
        try {
          callback(count);
        } catch (error) {
          options.onBroken(error);
        }
      };
      super({ ...options, onReadable: guard(options.onReadable), onWritable: guard(options.onWritable) });
    }

    override write(bytes: Uint8Array | ArrayBuffer): number | undefined {
      const type = (bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes, 0, 1))[0];
      if (type === CHANGE_CIPHER_SPEC) this.keyed = true;
      if (type === APPLICATION_DATA && !this.keyed) throw new Error("TLS ended before it began");
      return super.write(bytes);
    }
  };
}
