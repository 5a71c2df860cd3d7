// The SDK's module "ssl/cert", replaced: checks the certificates of the server in every TLS session of the program,
// and supplies the keys of the handshake. The SDK's own accepts forged chains (SECURITY.md). Preloaded: nothing here may
// hold state.

import Resource from "Resource";
import PKCS8 from "pkcs8";
// Links only if ssl/handshake is the package's: with the SDK's, a server need not prove that it has its key.
import { checksKeyExchange } from "ssl/handshake";
import { type Certificate, DIGITAL_SIGNATURE, KEY_ENCIPHERMENT } from "./certificate.ts";
import { checkChain, type Trust } from "./chain.ts";
import { integer, primitives } from "./primitives.ts";
import { isSigned } from "./signature.ts";

/** As the SDK's session hands them over. */
interface SessionOptions {
  verify?: boolean;
  /** Certificates of authorities in DER, one behind the other. */
  certificate?: Uint8Array | ArrayBuffer;
  /** The client's certificate in DER, then those of its issuers. */
  clientCertificates?: readonly Uint8Array[];
  /** RSA, PKCS #8 in DER. */
  clientKey?: Uint8Array;
  tls_server_name?: string;
}

/** Identifiers of the keys of the authorities that the SDK brings along, 20 bytes each. */
const KEY_IDS = "ca.ski";
const KEY_ID_BYTES = 20;

const SIGNATURE_RSA = 1;
const SIGNATURE_ECDSA = 3;

/** One for each TLS session, until the handshake is over. */
export default class CertificateManager {
  /** Tells network.ts that this is not the SDK's. */
  static readonly checksChains = true;
  private readonly trust: Trust;
  private readonly clientCertificates: readonly Uint8Array[];
  private readonly clientKey: Uint8Array | undefined;
  /** undefined: no certificate has been found good. */
  private server: Certificate | undefined;

  constructor({ verify, certificate, clientCertificates = [], clientKey }: SessionOptions) {
    if (verify === false) throw new Error("certificate: verify: false is not supported");
    // Given authorities replace those that the SDK brings along: see TlsOptions.ca.
    this.trust = certificate
      ? { authorities: ArrayBuffer.isView(certificate) ? certificate : new Uint8Array(certificate) }
      : { authorities: new Uint8Array(0), byKeyId: builtIn };
    this.clientCertificates = clientCertificates;
    this.clientKey = clientKey;
  }

  /** From the SDK's handshake: the server's message Certificate. @throws Error saying what is wrong with it */
  verify(chain: readonly Uint8Array[], { tls_server_name }: SessionOptions): boolean {
    this.server = undefined;
    if (!tls_server_name) throw new Error("certificate: no name to check it against");
    this.server = checkChain(chain, this.trust, tls_server_name, Date.now(), primitives);
    return checksKeyExchange;
  }

  /** From the SDK's handshake: to trust the server's certificate from now on. It is not an authority. */
  register(): void {}

  /**
   * From this package's ssl/handshake: the signature in ServerKeyExchange.
   * @param kind RSA or ECDSA, as TLS 1.2 numbers them; with SHA-256, the only hash that the SDK offers
   * @throws Error if it is not that of the server's certificate
   */
  checkKeyExchange(message: Uint8Array, kind: number, signature: Uint8Array): void {
    const { server } = this;
    if (!server) throw new Error("certificate: the server sent none");
    if (!(server.keyUsage & DIGITAL_SIGNATURE))
      throw new Error("certificate: its key is not for signatures (keyUsage)");
    const expected = "modulus" in server.key ? SIGNATURE_RSA : SIGNATURE_ECDSA;
    if (kind !== expected || !isSigned(server.key, "SHA256", message, signature, primitives)) {
      throw new Error("certificate: the server did not prove that it has its key");
    }
  }

  /** From the SDK's handshake: the server's key, to encrypt with, or the client's, to sign with. */
  getKey(certificate: unknown): object {
    if (certificate && certificate === this.clientCertificates[0]) return PKCS8.parse(this.clientKey!);
    const { server } = this;
    if (!server) throw new Error("certificate: the server sent none");
    if (!("modulus" in server.key) || !(server.keyUsage & KEY_ENCIPHERMENT)) {
      throw new Error("certificate: its key is not for encryption, which the server chose (no ECDHE)");
    }
    return { modulus: integer(server.key.modulus), exponent: integer(server.key.exponent) };
  }

  /** From the SDK's handshake: the server asked for a certificate. */
  findPreferredCert(): readonly Uint8Array[] {
    return this.clientCertificates;
  }
}

/** An authority that the SDK brings along, if the program's manifest has it among its resources. */
function builtIn(keyId: Uint8Array): Uint8Array | undefined {
  if (keyId.length !== KEY_ID_BYTES || !Resource.exists(KEY_IDS)) return undefined;
  const all = new Uint8Array(new Resource(KEY_IDS).slice(0));
  for (let at = 0; at < all.length; at += KEY_ID_BYTES) {
    let count = 0;
    while (count < KEY_ID_BYTES && all[at + count] === keyId[count]) count++;
    if (count < KEY_ID_BYTES) continue;
    const name = `ca${at / KEY_ID_BYTES}.der`;
    return Resource.exists(name) ? new Uint8Array(new Resource(name).slice(0)) : undefined;
  }
  return undefined;
}
