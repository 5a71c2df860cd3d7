// State of one connection: identity, stage, and why it ended.

import type { Socket } from "node:net";
import type { Client } from "aedes";
import type { Identity } from "./identity.ts";
import type { TopicSpace } from "./topics.ts";

/** Why a connection ends: a close code of docs/protocol.md 1.7, and a text without credentials. */
export interface Cause {
  readonly code: number;
  readonly detail: string;
}

export class Connection {
  readonly client: Client;
  readonly socket: Socket;
  /** Remote address and local port, copied because a closed socket no longer has them. */
  readonly address: string;
  readonly port: number;
  readonly since = new Date();
  /** As sent in CONNECT, not checked; empty before CONNECT. */
  clientId = "";
  identity: Identity | undefined;
  /** The CONNACK code for an illegal client id. */
  refusal: number | undefined;
  space: TopicSpace | undefined;
  cleanSession = true;
  /** Subscriptions as broker topics, with the granted QoS. */
  readonly filters = new Map<string, number>();
  /** Open: the broker has registered the client id for this connection, and CONNACK 0 is sent or about to be. */
  stage: "new" | "refused" | "open" = "new";
  sawDisconnect = false;
  /** Resolves when the broker has removed this connection. */
  readonly closed: Promise<void>;
  #cause: Cause | undefined;
  #resolveClosed!: () => void;

  constructor(client: Client, socket: Socket) {
    this.client = client;
    this.socket = socket;
    this.address = socket.remoteAddress ?? "";
    this.port = socket.localPort ?? 0;
    this.closed = new Promise(resolve => {
      this.#resolveClosed = resolve;
    });
  }

  get cause(): Cause | undefined {
    return this.#cause;
  }

  /** Keeps the first cause only, because later ones are its consequences. Returns whether this was the first. */
  setCause(code: number, detail: string): boolean {
    if (this.#cause) return false;
    this.#cause = { code, detail };
    return true;
  }

  /** Closes the connection from the platform. */
  close(code: number, detail: string): void {
    this.setCause(code, detail);
    this.client.close();
  }

  markClosed(): void {
    this.#resolveClosed();
  }
}
