// Certificates for the TLS tests, made by openssl when they are needed and thrown away after: none is kept in the tree.

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { env } from "node:process";

export interface Certificate {
  /** PEM. Self-signed: it is its own authority. */
  cert: string;
  key: string;
}

/** For "localhost" and 127.0.0.1, valid for a day. */
export function makeCertificate(): Certificate {
  const folder = mkdtempSync(join(tmpdir(), "iotf-embedded-"));
  const [cert, key] = [join(folder, "cert.pem"), join(folder, "key.pem")];
  try {
    execFileSync(
      "openssl",
      [
        ..."req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=localhost".split(" "),
        ...["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out", cert],
      ],
      { stdio: "pipe" },
    );
    return { cert: readFileSync(cert, "utf8"), key: readFileSync(key, "utf8") };
  } finally {
    rmSync(folder, { recursive: true });
  }
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
