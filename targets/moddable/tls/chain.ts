// Checks the certificates that a TLS server sent, from its own to a trusted authority. The caller passes the primitives of
// the engine. Each certificate of the chain is parsed once, in its order, and nothing is kept.

import { Certificate, DIGITAL_SIGNATURE, KEY_AGREEMENT, KEY_CERT_SIGN, KEY_ENCIPHERMENT } from "./certificate.ts";
import { Der, SEQUENCE, sameBytes } from "./der.ts";
import { checkName } from "./names.ts";
import { isSigned, type Primitives, readSignatureHash } from "./signature.ts";

const MAX_CERTIFICATES = 8;
/** A TLS record holds no more, and the SDK takes a chain in one record. */
const MAX_CHAIN_BYTES = 16384;

export interface Trust {
  /** Certificates of authorities in DER, one behind the other. */
  authorities: Uint8Array;
  /** An authority by the identifier of its key. Absent: only `authorities` are trusted. */
  byKeyId?(id: Uint8Array): Uint8Array | undefined;
}

/**
 * Returns the server's certificate.
 * @param chain as the server sent it: its own certificate first, each signed by the next (RFC 5246, 7.4.2)
 * @param name the host name or IPv4 address that was asked for
 * @param now ms since 1970
 * @throws Error "certificate: " and what is wrong
 */
export function checkChain(
  chain: readonly Uint8Array[],
  trust: Trust,
  name: string,
  now: number,
  primitives: Primitives,
): Certificate {
  checkSize(chain);
  const server = new Certificate(chain[0]!);
  checkName(server, name);
  if (!(server.keyUsage & (DIGITAL_SIGNATURE | KEY_ENCIPHERMENT | KEY_AGREEMENT))) {
    throw new Error("certificate: its key is not for TLS");
  }
  let subject = server;
  /** Authorities below the next issuer; those that merely hand over to a new key of their own do not count. */
  let depth = 0;
  for (let i = 1; ; i++) {
    checkUse(subject, now);
    const reason = refusalOfAuthorities(subject, chain[i - 1]!, trust, depth, now, primitives);
    if (!reason) return server;
    if (i === chain.length) throw new Error(reason);
    const issuer = new Certificate(chain[i]!);
    checkIssuer(subject, issuer, depth, primitives);
    if (!issuer.isSelfIssued) depth++;
    subject = issuer;
  }
}

function checkSize(chain: readonly Uint8Array[]): void {
  if (!chain.length) throw new Error("certificate: the server sent none");
  if (chain.length > MAX_CERTIFICATES) {
    throw new Error(`certificate: the server sent ${chain.length}, more than ${MAX_CERTIFICATES}`);
  }
  let bytes = 0;
  for (const { length } of chain) bytes += length;
  if (bytes > MAX_CHAIN_BYTES) {
    throw new Error(`certificate: the server sent ${bytes} bytes of them, more than ${MAX_CHAIN_BYTES}`);
  }
}

/** Returns undefined if a trusted authority issued `subject` or is it, else what is wrong. */
function refusalOfAuthorities(
  subject: Certificate,
  bytes: Uint8Array,
  trust: Trust,
  depth: number,
  now: number,
  primitives: Primitives,
): string | undefined {
  let reason: string | undefined = "certificate: no trusted authority signed it";
  const attempt = (authority: Uint8Array) => {
    if (subject.isSelfIssued && sameBytes(authority, bytes)) {
      reason = undefined;
      return;
    }
    try {
      const issuer = new Certificate(authority);
      if (!sameBytes(subject.issuer, issuer.subject)) return;
      // Node trusts roots only, and a program must find the same servers good on a PC as on the device.
      if (!issuer.isSelfIssued) throw new Error("certificate: the authority in ca is no root");
      checkUse(issuer, now);
      checkIssuer(subject, issuer, depth, primitives);
      reason = undefined;
    } catch (error) {
      // Another one of the same name may do: an authority is renewed before it expires.
      reason = `${(error as Error).message} (authority)`;
    }
  };
  const all = new Der(trust.authorities);
  while (reason && all.length) {
    const start = all.offset;
    all.read(SEQUENCE);
    attempt(all.bytes.subarray(start, all.offset));
  }
  const more = reason && subject.issuerKeyId && trust.byKeyId?.(subject.issuerKeyId);
  if (more) attempt(more);
  return reason;
}

function checkUse({ notBefore, notAfter, forServers }: Certificate, now: number): void {
  if (now < notBefore) throw new Error(`certificate: valid from ${iso(notBefore)}, the clock is at ${iso(now)}`);
  if (now > notAfter) throw new Error(`certificate: expired ${iso(notAfter)}, the clock is at ${iso(now)}`);
  if (!forServers) throw new Error("certificate: not for TLS servers (extendedKeyUsage)");
}

function iso(time: number): string {
  return new Date(time).toISOString();
}

function checkIssuer(subject: Certificate, issuer: Certificate, depth: number, primitives: Primitives): void {
  if (!sameBytes(subject.issuer, issuer.subject)) throw new Error("certificate: not followed by its issuer's");
  if (!issuer.isAuthority) throw new Error("certificate: issued by one that is no authority (CA:FALSE)");
  if (!(issuer.keyUsage & KEY_CERT_SIGN)) throw new Error("certificate: its issuer may not sign any (keyUsage)");
  if (depth > issuer.pathLength)
    throw new Error(`certificate: chain longer than its issuer allows (${issuer.pathLength})`);
  const { algorithm, signed, signature } = subject;
  const hash = readSignatureHash(new Der(algorithm.bytes, algorithm.offset, algorithm.end), issuer.key);
  if (!isSigned(issuer.key, hash, signed, signature, primitives)) {
    throw new Error("certificate: its signature is not its issuer's");
  }
}
