// `npm run espruino -- [key=value …]`: the library and the device program into dist/espruino/, as one file that the Espruino
// IDE or the `espruino` command takes, and says how to send it.

import { argv, exit } from "node:process";
import { fileURLToPath } from "node:url";
import { makeFiles, SETTINGS, settingsOf } from "./files.ts";

const FOLDER = fileURLToPath(new URL("../../../dist/espruino", import.meta.url));

try {
  const settings = settingsOf(argv.slice(2));
  const { library, upload } = await makeFiles(FOLDER, settings);
  console.log(`dist/espruino/iotf.js    the library, ${library} bytes, for programs of your own: Storage file "iotf"
dist/espruino/device.js  library, program and settings, ${upload} bytes

Send it with the Espruino IDE (open the file, "send to Espruino"), or:

    npx espruino -p /dev/ttyUSB0 -b 115200 dist/espruino/device.js

It writes everything to the board's flash, restarts, and from then on runs whenever the board is switched on.`);
  if (argv.length === 2) {
    console.log(`The settings stand in its first lines: edit them there, or give them here: ${SETTINGS.join(" ")}`);
  }
} catch (error) {
  console.error((error as Error).message);
  exit(2);
}
