// What to do when this computer has no more room for connections.

import { readFileSync } from "node:fs";

/** @param causes failed connection attempts by cause, as in the report */
export function descriptorWarnings(causes: Readonly<Record<string, unknown>>): string[] {
  const warnings: string[] = [];
  if (causes.EMFILE) {
    const limit = openFiles();
    const known = limit === undefined ? "" : `: ${limit}`;
    warnings.push(
      `the limit of open files of this process was reached${known}; 'ulimit -n 65536' raises it for a shell`,
    );
  }
  if (causes.ENFILE) warnings.push("the limit of open files of this computer was reached; see 'sysctl fs.file-max'");
  if (causes.EADDRNOTAVAIL) {
    warnings.push("no local port was free for a connection; see 'sysctl net.ipv4.ip_local_port_range'");
  }
  return warnings;
}

/** The limit of this process; undefined where it cannot be read. */
function openFiles(): number | undefined {
  try {
    const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8")) ?? [];
    return soft === undefined ? undefined : Number(soft);
  } catch {
    return undefined;
  }
}
