// Chains of certificates, good and bad, and what has to be said of them.

import { type Issued, type Wish, withIssuer } from "../../contract/certificates.ts";

export interface Case {
  what: string;
  /** As the server sends it, in DER. */
  chain: readonly Buffer[];
  /** Private key of the first one, PEM. */
  key: string;
  ca: readonly Buffer[];
  /** The host name that was asked for. */
  name: string;
  /** undefined: accepted. */
  refusal?: RegExp;
  /** Why it is refused on a device although Node accepts it. */
  stricter?: string;
  /** Node's own TLS server cannot load it: a few lines of a server send it as it is. */
  raw?: boolean;
  /** What the SDK's handshake says, where the server never sends its certificate. */
  handshake?: RegExp;
}

/** The alert of a server: the SDK offers P-256 only for a server's own key. */
const NO_COMMON_CURVE = /alert: 2, 40/;

const NAME = "broker.example.com";
const ROOT = ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign"];
const IDENTIFIERS = ["subjectKeyIdentifier=hash", "authorityKeyIdentifier=keyid"];
const leaf = (...more: string[]) => [`subjectAltName=DNS:${NAME},DNS:other.example.com`, ...more];
const SERVER = leaf(
  "basicConstraints=CA:FALSE",
  "keyUsage=critical,digitalSignature,keyEncipherment",
  "extendedKeyUsage=serverAuth",
  ...IDENTIFIERS,
);

export const makeCases = (): Case[] => withIssuer(casesOf);

function casesOf(issue: (wish: Wish) => Issued): Case[] {
  const root = issue({ name: "root", extensions: ROOT, keyNumber: 1 });
  const other = issue({ name: "other root", extensions: ROOT, keyNumber: 2 });
  /** The same name as `root`, another key. */
  const namesake = issue({ name: "root", extensions: ROOT, keyNumber: 2 });
  const middle = issue({ name: "middle", by: root, extensions: [...ROOT, ...IDENTIFIERS], keyNumber: 3 });
  const server = issue({ name: "server", by: middle, extensions: SERVER });
  const plain = issue({ name: "plain", by: root, extensions: SERVER });

  const cases: Case[] = [];
  const add = (
    what: string,
    chain: readonly Issued[],
    refusal?: RegExp,
    more: Partial<Pick<Case, "name" | "ca" | "stricter" | "raw" | "chain" | "handshake">> = {},
  ) => {
    const { key } = chain[0]!;
    const sent = chain.map(({ der }) => der);
    cases.push({ what, chain: sent, key, ca: [root.der], name: NAME, ...(refusal && { refusal }), ...more });
  };
  /** A server certificate by the root, or by `wish.by`. */
  const one = (extensions: readonly string[], wish: Partial<Wish> = {}) =>
    issue({ name: "server", by: root, extensions, ...wish });
  const authority = (extensions: readonly string[], wish: Partial<Wish> = {}) =>
    issue({ name: "middle", by: root, extensions, keyNumber: 3, ...wish });
  /** A server certificate under an authority like this. */
  const under = (extensions: readonly string[], wish: Partial<Wish> = {}) => {
    const by = authority(extensions, wish);
    return [one(SERVER, { by }), by];
  };

  add("server, middle", [server, middle]);
  add("server, middle, root", [server, middle, root]);
  add("server alone, by the root", [plain]);
  add("server and root", [plain, root]);
  const self = issue({ name: "self", extensions: SERVER });
  add("self-signed, and trusted itself", [self], undefined, { ca: [self.der] });
  add("two authorities trusted, signed by the second", [server, middle], undefined, { ca: [other.der, root.der] });
  add("an authority and its successor of the same name", [plain], undefined, { ca: [namesake.der, root.der] });
  add("an expired authority, and renewed with the same key", [plain], undefined, {
    ca: [issue({ name: "root", extensions: ROOT, keyNumber: 1, days: [-3, -2] }).der, root.der],
  });
  const successor = issue({ name: "root", by: root, extensions: [...ROOT], keyNumber: 4 });
  add("an authority that hands over to its next key", [one(SERVER, { by: successor }), successor]);
  const crossed = issue({ name: "root", by: other, extensions: ROOT, keyNumber: 1 });
  add("more than is needed: the root, signed by another one too", [plain, crossed]);
  add("without middle", [server], /no trusted authority/);

  add("another root", [plain], /no trusted authority/, { ca: [other.der] });
  add("no root at all", [plain], /no trusted authority/, { ca: [] });
  add("another root of the same name", [plain], /its signature is not its issuer's \(authority\)/, {
    ca: [namesake.der],
  });
  const selfMade = issue({ name: "server", extensions: SERVER });
  add("self-made, followed by the public root", [selfMade, root], /not followed by/);
  add(
    "self-made in the root's name, followed by the public root",
    [one(SERVER, { by: namesake }), root],
    /its signature/,
  );
  add("self-signed alone", [selfMade], /no trusted authority/);
  const device = one(["basicConstraints=CA:FALSE", "subjectAltName=email:device@example"], {
    name: "device",
    keyNumber: 5,
  });
  add("signed with a device's key (CA:FALSE)", [one(SERVER, { by: device }), device], /CA:FALSE/);
  add("the same, and the root behind it", [one(SERVER, { by: device }), device, root], /CA:FALSE/);
  add("signed by one without basicConstraints", under(["keyUsage=keyCertSign"]), /CA:FALSE/);
  add("signed by a server with the right name", [one(SERVER, { by: plain }), plain], /CA:FALSE/);
  add("an authority without keyCertSign", under(["basicConstraints=critical,CA:TRUE", "keyUsage=cRLSign"]), /keyUsage/);
  add("an authority without keyUsage", under(["basicConstraints=critical,CA:TRUE"]));
  add("an authority whose basicConstraints are not critical", under(["basicConstraints=CA:TRUE"]));
  const only = (n: number) => [`basicConstraints=critical,CA:TRUE,pathlen:${n}`, "keyUsage=keyCertSign"];
  add("path length 0, kept", under(only(0)));
  const short = authority(only(0));
  const below = issue({ name: "below", by: short, extensions: ROOT, keyNumber: 4 });
  add("path length 0, and an authority below", [one(SERVER, { by: below }), below, short], /chain longer/);
  const enough = authority(only(1));
  const beside = issue({ name: "below", by: enough, extensions: ROOT, keyNumber: 4 });
  add("path length 1, kept", [one(SERVER, { by: beside }), beside, enough]);
  const narrow = issue({ name: "root", extensions: only(0), keyNumber: 1 });
  add("path length 0 of the root", [server, middle], /chain longer/, { ca: [narrow.der] });

  add("wrong order", [server, root, middle], /not followed by/, { stricter: "TLS 1.2 asks for the order" });
  add("the server's twice", [server, server, middle], /not followed by/, { stricter: "TLS 1.2 asks for the order" });
  add("the middle twice", [server, middle, middle], undefined);
  add("a root in ca that is none", [server], /no root/, { ca: [middle.der] });

  add("expired", [one(SERVER, { days: [-3, -1] })], /expired 20\d\d-.* the clock is at 20\d\d-/);
  add("not valid yet", [one(SERVER, { days: [1, 3] })], /valid from 20\d\d-/);
  add("expired authority", under(ROOT, { days: [-3, -1] }), /expired/);
  add("expired root", [plain], /expired .* \(authority\)/, {
    ca: [issue({ name: "root", extensions: ROOT, keyNumber: 1, days: [-3, -1] }).der],
  });
  add("valid beyond 2050", [one(SERVER, { days: [-1, 12_000] })]);

  add("another name", [plain], /not for example.org/, { name: "example.org" });
  add("its second name", [plain], undefined, { name: "other.example.com" });
  add("in capitals", [plain], undefined, { name: "BROKER.example.COM" });
  add("a name that begins the same", [plain], /not for/, { name: "broker.example.com.example.org" });
  const nameless = (wish: Partial<Wish> = {}) => one(["basicConstraints=CA:FALSE"], wish);
  add("no subjectAltName, another common name", [nameless()], /no subjectAltName/);
  add("no subjectAltName, the common name fits", [nameless({ name: NAME })], /no subjectAlt/, {
    stricter: "common names are no host names any more (RFC 9525)",
  });
  add("the name as an e-mail address only", [one([`subjectAltName=email:${NAME}`])], /not for/);
  add(
    "the name in the middle's certificate only",
    [one(["subjectAltName=DNS:example.org"], { by: middle }), authority([...ROOT, `subjectAltName=DNS:${NAME}`])],
    /not for/,
  );
  const wild = one(["subjectAltName=DNS:*.example.com"]);
  add("wildcard", [wild], undefined);
  add("wildcard, two labels", [wild], /not for/, { name: "a.b.example.com" });
  add("wildcard, no label", [wild], /not for/, { name: "example.com" });
  add("wildcard not leftmost", [one(["subjectAltName=DNS:broker.*.com"])], /not for/);
  add("wildcard for a top-level domain", [one(["subjectAltName=DNS:*.com"])], /not for/, { name: "example.com" });
  add("wildcard alone", [one(["subjectAltName=DNS:*"])], /not for/, { name: "localhost" });
  add("wildcard in part of a label", [one(["subjectAltName=DNS:bro*.example.com"])], /not for/, {
    stricter: "RFC 9525 allows whole labels only",
  });
  add("two wildcards", [one(["subjectAltName=DNS:*.*.com"])], /not for/);
  add("address", [one(["subjectAltName=IP:127.0.0.1"])], undefined, { name: "127.0.0.1" });
  add("another address", [one(["subjectAltName=IP:127.0.0.2"])], /not for 127/, { name: "127.0.0.1" });
  add("an address as a DNS name", [one(["subjectAltName=DNS:127.0.0.1"])], /not for/, { name: "127.0.0.1" });
  add("an address by wildcard", [one(["subjectAltName=DNS:*.0.0.1"])], /not for/, { name: "127.0.0.1" });
  add("an IPv6 address that ends like it", [one(["subjectAltName=IP:::127.0.0.1"])], /not for/, { name: "127.0.0.1" });

  add("for clients only", [one(leaf("extendedKeyUsage=clientAuth"))], /extendedKeyUsage/);
  add("for any purpose", [one(leaf("extendedKeyUsage=anyExtendedKeyUsage"))], /extendedKeyUsage/);
  add("an authority for clients only", under([...ROOT, "extendedKeyUsage=clientAuth"]), /extendedKeyUsage/);
  add("a key for signing certificates only", [one(leaf("keyUsage=keyCertSign"))], /not for TLS/);
  add("critical extension that nobody knows", [one(leaf("1.2.3.4=critical,DER:0500"))], /critical extension/);
  add("the same, not critical", [one(leaf("1.2.3.4=DER:0500"))]);
  add("an authority with one", under([...ROOT, "1.2.3.4=critical,DER:0500"]), /critical extension/);
  const constrained = (names: string) => under([...ROOT, `nameConstraints=${names}`]);
  add("name constraints that are broken", constrained("critical,permitted;DNS:example.org"), /name con/);
  add("name constraints that are kept", constrained("critical,permitted;DNS:example.com"), /name con/, {
    stricter: "not supported",
  });
  add("name constraints that are not critical, broken", constrained("permitted;DNS:example.org"), /name con/);
  add("policies, critical", [one(leaf("certificatePolicies=critical,1.2.3.4"))]);

  add("SHA-1", [one(SERVER, { hash: "sha1" })], /SHA-256/);
  add("MD5", [one(SERVER, { hash: "md5" })], /SHA-256/);
  add("SHA-1 by the middle", under(ROOT, { hash: "sha1" }), /SHA-256/);
  add("SHA-384", [one(SERVER, { hash: "sha384" })]);
  add("SHA-512", [one(SERVER, { hash: "sha512" })]);
  add("a root that signed itself with SHA-1", [plain], undefined, {
    ca: [issue({ name: "root", extensions: ROOT, keyNumber: 1, hash: "sha1" }).der],
  });
  add("RSA-PSS", [one(SERVER, { signatureOptions: ["rsa_padding_mode:pss", "rsa_pss_saltlen:32"] })], /PKCS #1/, {
    stricter: "the SDK has no RSA-PSS",
  });
  add("RSA of 1024 bits", [one(SERVER, { keyType: "rsa1024" })], /1024 bits/);
  add("a middle of 1024 bits", under(ROOT, { keyType: "rsa1024" }), /1024 bits/);

  const curve = issue({ name: "curve", keyType: "p256", keyNumber: 1, extensions: ROOT });
  const wide = issue({ name: "wide", by: curve, keyType: "p384", extensions: ROOT });
  const trusted = { ca: [curve.der] };
  const small = (wish: Partial<Wish>) => one(SERVER, { keyType: "p256", ...wish });
  add("ECDSA P-256", [small({ by: curve })], undefined, trusted);
  add("ECDSA P-256 below P-384", [small({ by: wide, hash: "sha384" }), wide], undefined, trusted);
  add("ECDSA P-384 with SHA-256", [small({ by: wide }), wide], undefined, trusted);
  add("ECDSA P-256 with SHA-384", [small({ by: curve, hash: "sha384" })], undefined, trusted);
  add("ECDSA P-256 with SHA-512", [small({ by: curve, hash: "sha512" })], undefined, trusted);
  add("ECDSA with SHA-1", [one(SERVER, { by: curve, hash: "sha1" })], /SHA-256/, trusted);
  add("an RSA server below ECDSA", [one(SERVER, { by: curve })], undefined, trusted);
  add("an ECDSA server below RSA", [small({})]);
  add("an ECDSA server on P-384", [one(SERVER, { keyType: "p384" })], undefined, { handshake: NO_COMMON_CURVE });
  const otherCurve = issue({ name: "curve", keyType: "p256", keyNumber: 2, extensions: ROOT });
  add("ECDSA by another key of the same name", [one(SERVER, { by: otherCurve })], /its signature/, trusted);
  add("P-521", [one(SERVER, { keyType: "p521" })], /P-384/, {
    stricter: "the SDK has P-256 and P-384",
    handshake: NO_COMMON_CURVE,
  });

  // From here on what no openssl makes. `raw`: sent as it is.
  const odd = (what: string, bytes: Buffer, refusal: RegExp | undefined, more: { stricter?: string } = {}) =>
    add(what, [plain], refusal, { chain: [bytes], raw: true, ...more });
  const der = plain.der;
  odd("cut off", der.subarray(0, -1), /malformed/);
  odd("cut off in the middle", der.subarray(0, 300), /malformed/);
  odd("nothing", Buffer.alloc(0), /malformed/);
  odd("a byte behind the certificate", Buffer.concat([der, Buffer.of(0)]), /malformed/);
  odd("an indefinite length", Buffer.concat([Buffer.of(0x30, 0x80), der.subarray(4), Buffer.of(0, 0)]), /malformed/);
  const long = Buffer.of(0x30, 0x84, 0xff, 0xff, 0xff, 0xff);
  odd("a length of four bytes", Buffer.concat([long, der.subarray(4)]), /malformed/);
  odd("nested 4,000 deep", nested(4000), /malformed/);
  odd("a flipped bit in the signature", flipped(der, der.length - 1), /its signature/);
  odd("a flipped bit in what is signed", flipped(der, der.indexOf(NAME)), /not for|its signature/);
  odd("more than 16 KB", Buffer.concat([Buffer.of(0x30, 0x82, 0x4e, 0x20), Buffer.alloc(20_000)]), /20004 bytes/);
  add("nine certificates", [plain, root, root, root, root, root, root, root, root], /more than 8/, {
    stricter: "a bound",
  });
  return cases;
}

function nested(depth: number): Buffer {
  const heads: Buffer[] = [];
  let length = 0;
  for (let i = 0; i < depth; i++) {
    const long = length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
    heads.unshift(Buffer.of(0x30, ...(length < 128 ? [length] : long)));
    length += heads[0]!.length;
  }
  return Buffer.concat(heads);
}

function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at]! ^= 1;
  return copy;
}
