// The SDK's module "ssl/handshake" with one message changed. In ServerKeyExchange the SDK skips the signature when the
// server names a kind of signature or hash that it does not know: whoever sends on the public certificate of a server
// would be taken for it.

import sdk from "iotf-embedded/sdk-handshake";
import { ECDHE_RSA } from "ssl/constants";

/** A message as the SDK reads it: `readChar` one byte, `readChars(n)` a number of n bytes. */
interface Stream {
  readChar(): number;
  readChars(count: number): number;
  readChunk(count: number): ArrayBuffer;
  readonly bytesAvailable: number;
}

export interface Session {
  readonly chosenCipher: { readonly keyExchangeAlgorithm: number };
  readonly clientRandom: ArrayBuffer;
  readonly serverRandom: ArrayBuffer;
  readonly certificateManager: {
    checkKeyExchange(message: Uint8Array, kind: number, signature: Uint8Array): void;
  };
  /** What the SDK makes ClientKeyExchange of. */
  dhparams: { named_curve: number; dh_Ys: ArrayBuffer };
}

const NAMED_CURVE = 3;
const SECP256R1 = 23;
/** 4, x, y. */
const POINT_BYTES = 65;
const SHA256 = 4;
const RANDOM_BYTES = 32;

const serverKeyExchange = Object.freeze({
  ...sdk.serverKeyExchange,

  unpacketize(session: Session, stream: Stream): void {
    if (session.chosenCipher.keyExchangeAlgorithm !== ECDHE_RSA) throw new Error("TLS: unexpected ServerKeyExchange");
    const kind = stream.readChar();
    const curve = stream.readChars(2);
    const length = stream.readChar();
    if (kind !== NAMED_CURVE || curve !== SECP256R1 || length !== POINT_BYTES) {
      throw new Error("TLS: the key exchange is not on curve P-256");
    }
    const point = stream.readChunk(length);
    const hash = stream.readChar();
    const signatureKind = stream.readChar();
    const signature = stream.readChunk(stream.readChars(2));
    if (hash !== SHA256 || stream.bytesAvailable) throw new Error("TLS: the key exchange is not signed with SHA-256");

    const message = new Uint8Array(2 * RANDOM_BYTES + 4 + POINT_BYTES);
    message.set(new Uint8Array(session.clientRandom), 0);
    message.set(new Uint8Array(session.serverRandom), RANDOM_BYTES);
    message.set([kind, curve >> 8, curve & 0xff, length], 2 * RANDOM_BYTES);
    message.set(new Uint8Array(point), 2 * RANDOM_BYTES + 4);
    session.certificateManager.checkKeyExchange(message, signatureKind, new Uint8Array(signature));
    session.dhparams = { named_curve: curve, dh_Ys: point };
  },
});

/** What the package's ssl/cert links with, so that a program with the SDK's ssl/handshake does not link. */
export const checksKeyExchange = true;

export default Object.freeze({ ...sdk, serverKeyExchange });
