// What is known about one connection: who it claims to be, how far it came, and why it ends.

import type { Socket } from "node:net";
import type { Client } from "aedes";
import type { Identity } from "./identity.ts";
import type { TopicSpace } from "./topics.ts";

/** Why a connection ends: a close code of §1.7 and what happened, in words, without credentials. */
export interface Cause {
  readonly code: number;
  readonly detail: string;
}

export class Link {
  readonly client: Client;
  readonly socket: Socket;
  /** The peer's address and the port it came in by; a closed socket no longer knows them. */
  readonly address: string;
  readonly port: number;
  readonly since = new Date();
  /** As sent in CONNECT, however odd; empty before CONNECT. */
  clientId = "";
  identity: Identity | undefined;
  /** The CONNACK code for a client id that spells no identity. */
  refusal: number | undefined;
  space: TopicSpace | undefined;
  cleanSession = true;
  /** The filters held now, in broker spelling, with the QoS granted. */
  readonly filters = new Map<string, number>();
  /** Open: the broker lists this connection as the owner of its client id, and CONNACK 0 is on its way or sent. */
  stage: "new" | "refused" | "open" = "new";
  sawDisconnect = false;
  /** Resolves when the broker no longer lists this connection. */
  readonly gone: Promise<void>;
  #cause: Cause | undefined;
  #resolveGone!: () => void;

  constructor(client: Client, socket: Socket) {
    this.client = client;
    this.socket = socket;
    this.address = socket.remoteAddress ?? "";
    this.port = socket.localPort ?? 0;
    this.gone = new Promise(resolve => {
      this.#resolveGone = resolve;
    });
  }

  get cause(): Cause | undefined {
    return this.#cause;
  }

  /** The first cause is the true one: what follows it are consequences. Answers whether this was the first. */
  blame(code: number, detail: string): boolean {
    if (this.#cause) return false;
    this.#cause = { code, detail };
    return true;
  }

  /** Closes from this side. */
  end(code: number, detail: string): void {
    this.blame(code, detail);
    this.client.close();
  }

  markGone(): void {
    this.#resolveGone();
  }
}
