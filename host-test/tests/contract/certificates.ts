// Certificates for the tests, made by openssl when they are needed: no private key is in the repository.

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { env } from "node:process";
import { withFolder, writeFile } from "../support/folder.ts";

export interface Issued {
  /** DER. */
  der: Buffer;
  /** PEM, and of the private key. */
  pem: string;
  key: string;
}

export type KeyType = "rsa2048" | "rsa1024" | "p256" | "p384" | "p521";

export interface Wish {
  /** Common name; each is a name of its own. */
  name: string;
  /** undefined: signed with its own key. */
  by?: Issued;
  keyType?: KeyType;
  /** Which of the keys of that type; the same number, the same key. */
  keyNumber?: number;
  /** Lines of openssl's section of extensions. */
  extensions: readonly string[];
  /** From and until, in days from now. */
  days?: readonly [number, number];
  hash?: "sha1" | "md5" | "sha256" | "sha384" | "sha512";
  /** Also RSA-PSS. */
  signatureOptions?: readonly string[];
}

const NEW_KEY: Readonly<Record<KeyType, readonly string[]>> = {
  rsa2048: ["RSA", "rsa_keygen_bits:2048"],
  rsa1024: ["RSA", "rsa_keygen_bits:1024"],
  p256: ["EC", "ec_paramgen_curve:P-256"],
  p384: ["EC", "ec_paramgen_curve:P-384"],
  p521: ["EC", "ec_paramgen_curve:P-521"],
};

class Issuer {
  private readonly folder: string;
  private readonly keys = new Map<string, string>();

  constructor(folder: string) {
    this.folder = folder;
    const config = ["[ca]", "default_ca=d", "[d]", "database=index", "new_certs_dir=.", "rand_serial=yes", "policy=p"];
    writeFile(folder, "ca.conf", [...config, "[p]", "commonName=supplied", ""].join("\n"));
  }

  issue({ name, by, keyType = "rsa2048", keyNumber = 0, extensions, days = [-1, 1], ...rest }: Wish): Issued {
    const { hash = "sha256", signatureOptions = [] } = rest;
    const key = this.key(keyType, keyNumber);
    const file = (file: string, text: string) => {
      writeFile(this.folder, file, text);
      return file;
    };
    file("index", "");
    this.openssl("req", "-new", "-key", file("key.pem", key), "-subj", `/CN=${name}`, "-out", "request.pem");
    this.openssl(
      ...["ca", "-batch", "-notext", "-config", "ca.conf", "-in", "request.pem", "-out", "cert.pem", "-md", hash],
      ...(by
        ? ["-cert", file("by.pem", by.pem), "-keyfile", file("by.key", by.key)]
        : ["-selfsign", "-keyfile", "key.pem"]),
      ...["-startdate", moment(days[0]), "-enddate", moment(days[1])],
      ...["-extfile", file("extensions", `${extensions.join("\n")}\n`)],
      ...signatureOptions.flatMap(option => ["-sigopt", option]),
    );
    const pem = readFileSync(join(this.folder, "cert.pem"), "utf8");
    return { der: toDer(pem), pem, key };
  }

  private key(type: KeyType, number: number): string {
    const id = `${type} ${number}`;
    const known = this.keys.get(id);
    if (known) return known;
    const [algorithm, option] = NEW_KEY[type];
    const key = this.openssl("genpkey", "-algorithm", algorithm!, "-pkeyopt", option!).toString();
    this.keys.set(id, key);
    return key;
  }

  private openssl(...args: string[]): Buffer {
    return execFileSync("openssl", args, { cwd: this.folder, stdio: "pipe" });
  }
}

/** The keys are forgotten when `use` has ended. */
export function withIssuer<T>(use: (issue: (wish: Wish) => Issued) => T): T {
  return withFolder(folder => {
    const issuer = new Issuer(folder);
    return use(wish => issuer.issue(wish));
  });
}

const HERE = ["DNS:localhost", "IP:127.0.0.1"];
const AUTHORITY = "basicConstraints=critical,CA:TRUE";

export interface Certificate {
  /** PEM. Self-signed: it is its own authority. */
  cert: string;
  key: string;
}

/** @param names default: "localhost" and 127.0.0.1 */
export function makeCertificate(...names: string[]): Certificate {
  const identifiers = ["subjectKeyIdentifier=hash", "authorityKeyIdentifier=keyid:always"];
  const extensions = [AUTHORITY, `subjectAltName=${(names.length ? names : HERE).join()}`, ...identifiers];
  const { pem, key } = withIssuer(issue => issue({ name: "localhost", keyType: "p256", extensions }));
  return { cert: pem, key };
}

export interface Chain {
  /** PEM. */
  authority: string;
  /** The server's, followed by the authority's. */
  cert: string;
  key: string;
}

/** For "localhost" and 127.0.0.1. RSA: what the TLS of the Moddable SDK checks on every board. */
export function makeChain(): Chain {
  return withIssuer(issue => {
    const authority = issue({ name: "authority", keyNumber: 1, extensions: [AUTHORITY] });
    const server = issue({ name: "broker", by: authority, extensions: [`subjectAltName=${HERE.join()}`] });
    return { authority: authority.pem, cert: server.pem + authority.pem, key: server.key };
  });
}

/** Why TLS cannot be tested here; false when it can. In CI that is an error, not a reason to skip. */
export function noOpenssl(): string | false {
  try {
    execFileSync("openssl", ["version"], { stdio: "pipe" });
    return false;
  } catch {
    const advice = "openssl is missing: apt-get install openssl";
    if (env.CI === "true") throw new Error(advice);
    return advice;
  }
}

export function pemOf(chain: readonly Buffer[]): string {
  return chain
    .map(der => `-----BEGIN CERTIFICATE-----\n${der.toString("base64")}\n-----END CERTIFICATE-----\n`)
    .join("");
}

function toDer(pem: string): Buffer {
  return Buffer.from(pem.replace(/-----.*?-----/g, ""), "base64");
}

function moment(days: number): string {
  return `${new Date(Date.now() + days * 86_400_000).toISOString().replace(/[-:T]|\..*/g, "")}Z`;
}
