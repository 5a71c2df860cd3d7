// Keeps the board on its Wi-Fi network. The SDK's own set-up connects once, before main; this connects again when the
// access point was away at start or goes away later.

import WiFi from "embedded:network/interface/wifi";
import config from "mc/config";
import Timer from "timer";

const CHECK_MS = 10_000;
/** ECMA-419: below this there is no link to the access point. */
const LINKED = 400;

export default function (done) {
  if (config.ssid) {
    const wifi = new WiFi({
      onChanged() {
        if (this.connection < LINKED) trace(`Wi-Fi: no link to "${config.ssid}", trying again\n`);
      },
    });
    Timer.repeat(() => keep(wifi), CHECK_MS);
  }
  done();
}

function keep(wifi) {
  if (wifi.connection >= LINKED) return;
  try {
    wifi.connect({ SSID: config.ssid, ...(config.password && { password: config.password, secure: true }) });
  } catch {
    // An attempt is under way.
  }
}
