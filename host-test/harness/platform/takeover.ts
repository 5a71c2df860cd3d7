// Client id takeover: a new connection with the same client id closes the one before it (docs/protocol.md 1.6).
//
// aedes has takeover too, but it sends CONNACK before the old connection has closed, and a third CONNECT at that moment
// leaves two connections open. So each connection waits here until all earlier ones with its client id have closed.

import { CLOSE } from "./codes.ts";
import type { Connection } from "./connection.ts";

interface Claim {
  readonly connection: Connection;
  /** Resolves when the connection and all earlier ones have closed. */
  readonly released: Promise<unknown>;
}

export class Takeover {
  readonly #claims = new Map<string, Claim>();

  /** Closes the present connection with this client id and resolves when the new one may have it. */
  async claim(connection: Connection): Promise<void> {
    const before = this.#claims.get(connection.clientId);
    const claim = { connection, released: Promise.all([before?.released, connection.closed]) };
    this.#claims.set(connection.clientId, claim);
    claim.released.then(() => this.#forget(claim));
    before?.connection.close(CLOSE.clientIdReused, "a second CONNECT with this client id");
    await before?.released;
  }

  #forget(claim: Claim): void {
    const { clientId } = claim.connection;
    if (this.#claims.get(clientId) === claim) this.#claims.delete(clientId);
  }
}
