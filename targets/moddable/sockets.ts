// Transport on ECMA-419 sockets: data is read when the socket says how much there is, into one buffer that is used again
// and again; `writable` is what the socket last told.

import type { Endpoint, TlsOptions, Transport, TransportListener } from "../../src/index.ts";

/** The parts of ECMA-419 that are used here, as `device.network.mqtt` carries them. */
export interface Network {
  dns: { io: new (options: object) => Resolver };
  socket: { io: new (options: object) => Socket };
}

interface Resolver {
  resolve(request: { host: string; onResolved(host: string, address: string): void; onError(): void }): void;
}

interface Socket {
  read(buffer: Uint8Array): void;
  /** Returns how many bytes can be written next. */
  write(buffer: Uint8Array): number;
  close(): void;
}

/** Bytes taken from the socket at once. */
const READ_BYTES = 512;

export class SocketTransport implements Transport {
  writable = 0;
  private listener: TransportListener | undefined;
  private socket: Socket | undefined;
  private up = false;
  private readonly buffer = new Uint8Array(READ_BYTES);

  constructor(network: Network, endpoint: Endpoint, listener: TransportListener) {
    this.listener = listener;
    new network.dns.io(network.dns).resolve({
      host: endpoint.host,
      onResolved: (_, address) => this.resolved(network, endpoint, address),
      onError: () => this.failed(`${endpoint.host} was not found`),
    });
  }

  write(bytes: Uint8Array): void {
    this.writable = this.socket!.write(bytes);
  }

  close(): void {
    this.listener = undefined;
    this.writable = 0;
    this.socket?.close();
    this.socket = undefined;
  }

  private resolved(network: Network, endpoint: Endpoint, address: string): void {
    if (!this.listener) return;
    try {
      this.socket = new network.socket.io({
        ...network.socket,
        ...(endpoint.tls ? { secure: secure(endpoint.tls) } : {}),
        address,
        host: endpoint.host,
        port: endpoint.port,
        onReadable: (count: number) => this.readable(count),
        onWritable: (count: number) => this.room(count),
        onError: () => this.failed(this.up ? "" : "the socket could not connect"),
      });
    } catch (error) {
      this.failed((error as Error).message);
    }
  }

  private readable(count: number): void {
    for (let rest = count; rest > 0 && this.listener; rest -= READ_BYTES) {
      const part = rest < READ_BYTES ? this.buffer.subarray(0, rest) : this.buffer;
      this.socket!.read(part);
      this.listener.received(part);
    }
  }

  private room(count: number): void {
    this.writable = count;
    if (this.up) return this.listener?.writableAgain();
    this.up = true;
    this.listener?.opened();
  }

  private failed(reason: string): void {
    const listener = this.listener;
    this.close();
    listener?.closed(reason);
  }
}

function secure(tls: TlsOptions): object {
  const options: Record<string, unknown> = {};
  if (tls.serverName) options.serverName = tls.serverName;
  if (tls.ca) options.certificate = tls.ca;
  if (tls.cert) options.clientCertificates = [tls.cert];
  if (tls.key) options.clientKey = tls.key;
  return options;
}
