// A certificate authority for the TLS tests, made by openssl when it is needed and thrown away after.

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Issued {
  /** PEM. */
  cert: string;
  key: string;
}

const EC = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes".split(" ");

export class Authority {
  /** PEM. */
  readonly cert: string;
  private readonly folder: string;

  constructor(name: string) {
    this.folder = mkdtempSync(join(tmpdir(), "iotf-authority-"));
    this.openssl("req", "-x509", ...EC, "-days", "2", "-subj", `/CN=${name}`, "-keyout", "ca.key", "-out", "ca.pem");
    this.cert = this.read("ca.pem");
    // What `openssl ca` needs; only it can issue a certificate for a time that is over.
    writeFileSync(join(this.folder, "index"), "");
    const lines = ["[ca]", "default_ca=d", "[d]", "database=index", "new_certs_dir=.", "rand_serial=yes", "policy=p"];
    writeFileSync(
      join(this.folder, "ca.conf"),
      [...lines, "default_md=sha256", "[p]", "commonName=supplied", ""].join("\n"),
    );
  }

  /**
   * @param names for subjectAltName, as openssl writes them; none: a client's certificate
   * @param days first and last moment, as in YYYYMMDDHHMMSSZ; default: yesterday until tomorrow
   */
  issue(name: string, { names = "email:device@example", days }: { names?: string; days?: [string, string] }): Issued {
    const [start, end] = days ?? [-1, 1].map(offset => moment(offset));
    writeFileSync(join(this.folder, "names"), `subjectAltName=${names}\n`);
    this.openssl("req", ...EC, "-subj", `/CN=${name}`, "-keyout", "key.pem", "-out", "request.pem");
    const files = "-config ca.conf -cert ca.pem -keyfile ca.key -in request.pem -out cert.pem -extfile names".split(
      " ",
    );
    this.openssl("ca", "-batch", "-notext", ...files, "-startdate", start!, "-enddate", end!);
    writeFileSync(join(this.folder, "index"), ""); // a name may come again
    return { cert: this.read("cert.pem"), key: this.read("key.pem") };
  }

  close(): void {
    rmSync(this.folder, { recursive: true });
  }

  private openssl(...args: string[]): void {
    execFileSync("openssl", args, { cwd: this.folder, stdio: "pipe" });
  }

  private read(file: string): string {
    return readFileSync(join(this.folder, file), "utf8");
  }
}

function moment(days: number): string {
  return `${new Date(Date.now() + days * 86_400_000).toISOString().replace(/[-:T]|\..*/g, "")}Z`;
}
