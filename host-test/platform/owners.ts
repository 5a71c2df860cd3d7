// Which connection owns a client id? The latest one let in; the one before it is closed (§1.6).
//
// aedes would take over a client id too, but it answers the new connection before the old one is gone, and when a third
// one comes meanwhile, two of them live on. Here they stand in line: each waits until all before it are gone.

import type { Link } from "./link.ts";
import { CLOSE } from "./reasons.ts";

interface Claim {
  readonly link: Link;
  /** Resolves when the link is gone and so is every link it waited for. */
  readonly released: Promise<unknown>;
}

export class Owners {
  readonly #claims = new Map<string, Claim>();

  /** Closes the present owner, if any, and resolves when the client id is free for this connection. */
  async claim(link: Link): Promise<void> {
    const before = this.#claims.get(link.clientId);
    const claim = { link, released: Promise.all([before?.released, link.gone]) };
    this.#claims.set(link.clientId, claim);
    claim.released.then(() => this.#forget(claim));
    before?.link.end(CLOSE.clientIdReused, "a second CONNECT with this client id");
    await before?.released;
  }

  #forget(claim: Claim): void {
    const { clientId } = claim.link;
    if (this.#claims.get(clientId) === claim) this.#claims.delete(clientId);
  }
}
