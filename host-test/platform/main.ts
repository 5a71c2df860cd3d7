// `npm run platform`: runs a local WIoTP until Ctrl-C and shows what happens on it.

import { deviceClientId } from "./identity.ts";
import { type CommandLine, HELP, parseCommandLine, UsageError } from "./options.ts";
import { type Platform, startPlatform } from "./platform.ts";

async function main(args: readonly string[]): Promise<number> {
  const commandLine = parseCommandLine(args);
  if (commandLine.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const platform = await listen(commandLine);
  if (!platform) return 1;
  introduce(commandLine, platform);
  await interrupted();
  await platform.close();
  console.log("closed");
  return 0;
}

async function listen({ platform: options }: CommandLine): Promise<Platform | undefined> {
  try {
    return await startPlatform({ ...options, log: console.log });
  } catch (error) {
    console.error(`platform: cannot listen on ${options.host}:${options.port}: ${(error as Error).message}`);
    return undefined;
  }
}

function introduce({ org, platform: options }: CommandLine, platform: Platform): void {
  console.log(`local WIoTP listening on ${platform.url} (Ctrl-C stops it)`);
  for (const device of options.devices ?? []) {
    console.log(`  device       ${deviceClientId(device)}  user use-token-auth, password its token`);
  }
  if (options.open) console.log(`  device       d:${org}:<type>:<id>  user use-token-auth, any password`);
  console.log(`  device       d:quickstart:<type>:<id>  no credentials; publishes iot-2/evt/<event>/fmt/json at QoS 0`);
  console.log(`  application  a:${org}:<name> or a:quickstart:<name>  no credentials`);
  if (!options.open && options.devices?.length === 0) {
    console.log(`  No device of ${org} can connect: use --device TYPE:ID:TOKEN or --open.`);
  }
}

function interrupted(): Promise<unknown> {
  return new Promise(resolve => {
    process.once("SIGINT", resolve);
    process.once("SIGTERM", resolve);
  });
}

main(process.argv.slice(2)).then(
  code => {
    process.exitCode = code;
  },
  error => {
    if (!(error instanceof UsageError)) throw error;
    console.error(`platform: ${error.message}`);
    process.exitCode = 2;
  },
);
