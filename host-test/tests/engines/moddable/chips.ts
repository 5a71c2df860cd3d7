// Programs for the chips of ESP32 boards, as far as the SDK's tools go without ESP-IDF: manifests are resolved, TypeScript
// and JavaScript are compiled, resources packed, and the linker makes the flash image of the preloaded modules (mc.xs.c).
// What ESP-IDF would do (its configuration, the C compiler, the image to flash) does not run; in its place the makefile
// gets a folder with a version and the configuration header as if it were made.

import { execFile } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { promisify } from "node:util";
import { withFolder } from "../../support/folder.ts";
import { toolEnvironment } from "./simulator.ts";

const run = promisify(execFile);
const LINK_MS = 120_000;

export interface Image {
  /** What compiler and linker warn of, but for the SDK's own modules. */
  warnings: string[];
  /** Modules that are in flash, ready to run. */
  preloaded: string[];
  /** `static` of the manifest's creation, as it came through the SDK's manifests. */
  reserved: number;
  /** Bytes of the linker's C source; 0 would be no image. */
  size: number;
  /** Of the partition table that ESP-IDF gets: name and size, for example "ota_0 0x1F0000". */
  partitions: string[];
  /** The bootloader gives up a firmware that is not confirmed. */
  rollback: boolean;
}

/** By the compiler, of a source of the SDK; by the linker, of modules of its TLS. */
const SDK_WARNING = /^\/.*\/modules\/\w+\/.*: warning: |warning: ssl\/(cache|cert): /;

/** @param platform as mcconfig names it, for example "esp32/esp32s3" */
export function linkFor(platform: string, folder: string, settings: Record<string, string>): Promise<Image> {
  return withFolder(work => linkIn(work, platform, folder, settings));
}

async function linkIn(
  work: string,
  platform: string,
  folder: string,
  settings: Record<string, string>,
): Promise<Image> {
  try {
    const env = { ...toolEnvironment(), IDF_PATH: await versionedFolder(join(work, "idf")) };
    const given = Object.entries(settings).map(([key, value]) => `${key}=${value}`);
    await run("mcconfig", ["-d", "-p", platform, "-o", work, join(folder, "manifest.json"), ...given], {
      cwd: folder,
      env,
      timeout: LINK_MS,
    });
    const place = join(work, "tmp", platform, "debug", basename(folder));
    const idfProject = join(place, `xsProj-${platform.split("/")[1] ?? platform}`);
    const header = join(idfProject, "build/config/sdkconfig.h");
    mkdirSync(dirname(header), { recursive: true });
    writeFileSync(header, "");
    const makefile = join(place, "makefile");
    const [image, resources] = [join(place, "mc.xs.c"), join(place, "mc.resources.c")];
    const { stdout, stderr } = await run("make", ["-o", header, "-f", makefile, image, resources], {
      env,
      timeout: LINK_MS,
      maxBuffer: 1 << 24,
    });
    const made = readFileSync(makefile, "utf8");
    return {
      warnings: `${stdout}\n${stderr}`.split("\n").filter(line => /warning/.test(line) && !SDK_WARNING.test(line)),
      preloaded: [...made.matchAll(/-p (\S+)\.xsb/g)].map(([, name]) => name!),
      reserved: Number(/^CREATION = -c (?:\d+,){11}(\d+),main/m.exec(made)?.[1]),
      size: readFileSync(image).length,
      partitions: partitionsOf(readFileSync(join(idfProject, "partitions.csv"), "utf8")),
      rollback: /^CONFIG_BOOTLOADER_APP_ROLLBACK_ENABLE=y$/m.test(
        readFileSync(join(idfProject, "sdkconfig.mc"), "utf8"),
      ),
    };
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string };
    throw new Error(`${basename(folder)} for ${platform}: ${error}\n${stdout ?? ""}\n${stderr ?? ""}`);
  }
}

function partitionsOf(table: string): string[] {
  const rows = table.split("\n").filter(line => line.trim() && !line.startsWith("#"));
  return rows.map(row => row.split(",").map(cell => cell.trim())).map(([name, , , , size]) => `${name} ${size}`);
}

/** The makefile asks git for the version of ESP-IDF. */
async function versionedFolder(folder: string): Promise<string> {
  const author = ["-c", "user.name=nobody", "-c", "user.email=nobody@example.com"];
  await run("git", ["init", "--quiet", folder]);
  await run("git", ["-C", folder, ...author, "commit", "--quiet", "--allow-empty", "--message", "empty"]);
  return folder;
}
