// `npm run espruino -- [key=value …]`: writes the library and the device program to dist/espruino/, as one file for the
// Espruino IDE or the `espruino` command.

import { argv, exit } from "node:process";
import { fileURLToPath } from "node:url";
import { makeFiles, SETTINGS, settingsOf, warningsOf } from "./files.ts";

const FOLDER = fileURLToPath(new URL("../../../dist/espruino", import.meta.url));

try {
  const settings = settingsOf(argv.slice(2));
  for (const warning of warningsOf(settings)) console.warn(`warning: ${warning}`);
  const { library, upload } = await makeFiles(FOLDER, settings);
  console.log(`dist/espruino/iotf.js    the library, ${library} bytes, for programs of your own: Storage file "iotf"
dist/espruino/device.js  library, program and settings, ${upload} bytes

Send it with the Espruino IDE (open the file, "send to Espruino"), or:

    npx espruino -p /dev/ttyUSB0 -b 115200 dist/espruino/device.js

It writes the program to flash and restarts the board. The program then runs at each boot.`);
  if (argv.length === 2) {
    console.log(
      `The settings are in its first lines. Edit them there, or pass them to this command: ${SETTINGS.join(" ")}`,
    );
  }
} catch (error) {
  console.error((error as Error).message);
  exit(2);
}
