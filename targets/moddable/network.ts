// Which resolver and which sockets a connection uses: what the project has set up as `device.network.mqtt` or `mqtts`,
// else the system's resolver and the SDK's TCP or TLS sockets.

import TCP from "embedded:io/socket/tcp";
import Modules from "modules";
import { ConfigurationException, type Endpoint } from "../../src/index.ts";
import { guarded, type SocketClass, secureOptions } from "./secure.ts";

/** The parts of ECMA-419 that are used here, as `device.network.mqtt` carries them. */
export interface Network {
  /** Absent: the system's resolver, which asks the name server that DHCP has told. */
  dns?: { io: new (options: object) => Resolver };
  socket: { io: new (options: object) => Socket; TCP?: { io: SocketClass } };
  /** Options of the TLS session. */
  secure?: object;
  /** The sockets hand their callbacks the `target` they were given. */
  targets?: boolean;
}

export interface Resolver {
  resolve(request: { host: string; onResolved(host: string, address: string): void; onError(): void }): void;
}

export interface Socket {
  read(buffer: Uint8Array): void;
  /** Returns how many bytes can be written next; undefined on a connection that is broken already. */
  write(buffer: Uint8Array): number | undefined;
  close(): void;
}

declare const System: { resolve(host: string, callback: (host: string, address?: string) => void): void };
declare const device: { network?: { mqtt?: Network; mqtts?: Network } } | undefined;

const TLS_SOCKET = "embedded:io/socket/tcp/tls";
const CERTIFICATES = "ssl/cert";

export const systemResolver: Resolver = Object.freeze({
  resolve({ host, onResolved, onError }: Parameters<Resolver["resolve"]>[0]) {
    System.resolve(host, (_, address) => (address ? onResolved(host, address) : onError()));
  },
});

const tcpNetwork = Object.freeze({ socket: Object.freeze({ io: TCP }), targets: true }) as unknown as Network;

/** @throws ConfigurationException when TLS is asked for and not part of the program, or its certificates are no use. */
export function networkFor(endpoint: Endpoint): Network {
  const given = typeof device === "undefined" ? undefined : device.network;
  if (!endpoint.tls) return given?.mqtt ?? tcpNetwork;
  const network = given?.mqtts ?? tlsNetwork();
  // Also for a project's own TLS sockets, and a build that has the SDK's from an earlier time.
  if (Modules.has(CERTIFICATES) && !(Modules.importNow(CERTIFICATES) as { checksChains?: true }).checksChains) {
    throw new ConfigurationException(
      "the TLS in this program accepts forged servers: include iotf-embedded's manifest-tls.json, build from scratch",
    );
  }
  const socket = { ...network.socket, TCP: { ...network.socket.TCP, io: guarded(network.socket.TCP!.io) } };
  return { ...network, socket, secure: secureOptions(endpoint.tls) };
}

function tlsNetwork(): Network {
  if (!Modules.has(TLS_SOCKET)) {
    throw new ConfigurationException("TLS is not part of this program: include iotf-embedded's manifest-tls.json");
  }
  return { socket: { io: Modules.importNow(TLS_SOCKET), TCP: { io: TCP } } } as unknown as Network;
}
