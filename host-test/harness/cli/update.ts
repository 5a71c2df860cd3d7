// `iotf-embedded update`: signs an image, serves it, and has a device download and install it.

import { existsSync } from "node:fs";
import { BlockList, isIP, isIPv6 } from "node:net";
import { privateKey } from "../../../targets/esp32/firmware-key.ts";
import { isVersion } from "../../../targets/moddable/update/image.ts";
import { isLoopback } from "../platform/identity.ts";
import { ImageServer, ownAddress } from "../update/image-server.ts";
import { Progress } from "../update/progress.ts";
import { sealFirmware } from "../update/seal.ts";
import { parse, whole } from "./args.ts";
import type { Command } from "./command.ts";
import { type DeviceName, deviceName } from "./device-name.ts";
import { CommandError, UsageError } from "./errors.ts";
import { readBytes } from "./files.ts";
import { RestClient } from "./rest.ts";
import { findTarget, TARGET_HELP, TARGET_OPTIONS, type Target } from "./target.ts";

const KEY = "firmware-key.pem";

const HELP = `Usage: iotf-embedded update <device> <image> --version VERSION [options]

Signs a firmware image, serves it from this PC over HTTP, and tells the platform to start the update: the device downloads
and verifies the image, restarts, and goes back to the old one unless it connects. Ends when the device has said how it
went. The device must have been flashed with the public key: npm run flash -- … --firmware-key FILE

An image contains the id and the token of one device. The signature covers the device argument: no other device installs it.

  <device>                TYPE:ID, for example thermo:t-01
  <image>                 the application as the SDK's build makes it: xs_esp32.bin
  --version VERSION       of the image, 1 to 4 numbers with dots; the device refuses one that is not newer than its own
  --key FILE              private key that signs (PEM, default ${KEY})
  --host ADDRESS          IP address of this PC to listen on, which the device reaches (default its first address in a
                          network)
  --public-host HOST      address or name that the device uses, if it is not --host: behind NAT, or with --host 0.0.0.0
  --port NUMBER           port for the image (default any free one)
  --help                  show this text

${TARGET_HELP}`;

const OPTIONS = {
  ...TARGET_OPTIONS,
  version: { type: "string" },
  key: { type: "string" },
  host: { type: "string" },
  "public-host": { type: "string" },
  port: { type: "string" },
} as const;

/** 0.0.0.0 and ::, in each spelling. */
const UNSPECIFIED = new BlockList();
UNSPECIFIED.addAddress("0.0.0.0");
UNSPECIFIED.addAddress("::", "ipv6");

/** A device with state 2 refuses another download until it has installed the first one. */
const NOT_IDLE = /not in idle state/;

/** First byte of each image of an ESP32. */
const IMAGE_MAGIC = 0xe9;

export const update: Command = {
  name: "update",
  summary: "update the firmware of a device over the air",
  help: HELP,
  options: OPTIONS,
  async run(args, io) {
    const { values, words } = parse(args, OPTIONS, ["<device>", "<image>"]);
    const target = findTarget(values, io.env);
    const [name, path] = words;
    if (name === undefined || path === undefined) throw new UsageError("a device and an image are needed");
    const device = deviceName(name, target.org);
    const { version = "", host = ownAddress(), "public-host": publicHost } = values;
    if (!isVersion(version)) throw new UsageError(`--version must be 1 to 4 numbers with dots, not '${version}'`);
    if (!isIP(host)) throw new UsageError(`--host must be an IP address of this PC, not '${host}'`);
    checkReachable(publicHost ?? host, publicHost === undefined ? "--host" : "--public-host", target);
    const port = whole("--port", values.port, 0, 65_535) ?? 0;
    const image = readImage(path);
    const { file, manifest } = sealFirmware(image, device.type, version, findKey(values.key ?? KEY), device.id);
    const rest = new RestClient(target, io.signal);
    const server = await ImageServer.open(file, { host, publicHost, port }).catch(error => {
      throw new CommandError(`cannot serve the image on ${host}:${port}: ${error.message}`);
    });
    const progress = new Progress(io.stdout, "download");
    server.sentCallback = bytes => progress.show(Math.floor((100 * bytes) / file.length));
    const parameters = { version, name: "firmware", uri: server.uri, verifier: manifest.sha256 };
    try {
      io.stdout.write(`${manifest.size} bytes, SHA-256 ${manifest.sha256}\nserving on ${server.origin}\n`);
      await act(rest, "firmware/download", device, parameters).finally(async () => {
        await server.close();
        progress.end();
      });
      io.stdout.write("downloaded and verified; update and restart …\n");
      await act(rest, "firmware/update", device);
      io.stdout.write(`${device.type}:${device.id} runs ${version}\n`);
      return 0;
    } catch (error) {
      const { message } = error as Error;
      const open = io.signal.aborted || NOT_IDLE.test(message);
      const way = `'iotf-embedded manage ${device.type}:${device.id} firmware-update' installs it`;
      throw open ? new CommandError(`${message}; if the device has downloaded an image, ${way}`) : error;
    }
  },
};

/** @throws CommandError unless the device has done it */
async function act(
  rest: RestClient,
  action: string,
  device: DeviceName,
  values: Readonly<Record<string, string>> = {},
) {
  const parameters = Object.entries(values).map(([name, value]) => ({ name, value }));
  const { done, status, message } = await rest.run({ action, parameters }, device);
  if (!done) throw new CommandError(`${action} ${status}: ${message}`);
}

/** @throws UsageError if no device can use this host, or only one on this PC although the platform is elsewhere */
function checkReachable(host: string, option: string, { mqtt }: Target): void {
  const name = /^[a-z\d]([a-z\d.-]*[a-z\d])?$/i.test(host);
  if (host.includes("%") || !(isIP(host) || name)) {
    throw new UsageError(`${option} must be an address that the device can reach, not '${host}'`);
  }
  if (UNSPECIFIED.check(host, isIPv6(host) ? "ipv6" : "ipv4")) {
    throw new UsageError(`no device can reach ${host}: name the address of this PC with --public-host`);
  }
  if (isLoopback(host) && !isLoopback(mqtt.endpoint.host)) {
    throw new UsageError(`a device cannot reach ${host}: name an address of this PC in its network with --host`);
  }
}

function readImage(path: string): Buffer {
  const image = readBytes("the image", path);
  if (image[0] !== IMAGE_MAGIC) throw new UsageError(`'${path}' is not an image of an ESP32, as xs_esp32.bin is`);
  return image;
}

/** Never makes a key: no device would accept it. */
function findKey(path: string) {
  if (!existsSync(path)) {
    throw new UsageError(`no such key '${path}'; npm run flash -- … --firmware-key ${path} makes it`);
  }
  try {
    return privateKey(path).key;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}
