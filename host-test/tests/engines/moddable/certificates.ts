// An authority and a server certificate from it, as a company has them; made by openssl for one run. RSA: what the SDK's
// TLS checks on every board.

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Chain {
  /** PEM. */
  authority: string;
  /** The server's, followed by the authority's. */
  certificate: string;
  key: string;
}

/** For "localhost" and 127.0.0.1, valid for a day. */
export function makeChain(): Chain {
  const folder = mkdtempSync(join(tmpdir(), "iotf-chain-"));
  const openssl = (...args: string[]) => execFileSync("openssl", args, { cwd: folder, stdio: "pipe" });
  const fresh = ["-newkey", "rsa:2048", "-nodes"];
  try {
    openssl("req", "-x509", ...fresh, "-days", "1", "-subj", "/CN=authority", "-keyout", "ca.key", "-out", "ca.pem");
    openssl("req", ...fresh, "-subj", "/CN=broker", "-keyout", "server.key", "-out", "server.csr");
    writeFileSync(join(folder, "names"), "subjectAltName=DNS:localhost,IP:127.0.0.1");
    const authority = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"];
    openssl("x509", "-req", "-in", "server.csr", ...authority, "-days", "1", "-extfile", "names", "-out", "server.pem");
    const text = (name: string) => readFileSync(join(folder, name), "utf8");
    return { authority: text("ca.pem"), certificate: text("server.pem") + text("ca.pem"), key: text("server.key") };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
