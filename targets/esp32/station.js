// Keeps the board on its Wi-Fi network. The SDK's own set-up connects once, before main; this connects again when the
// access point was away at start or goes away later: after 2 s, then less and less often, every minute at last. It says
// one line for each attempt that failed.

import WiFi from "embedded:network/interface/wifi";
import config from "mc/config";
import Timer from "timer";

/** While all is well, and for the attempt of the SDK's set-up; nothing is told of how that one ended. */
const CHECK_MS = 10_000;
const FIRST_WAIT_MS = 2_000;
const LONGEST_WAIT_MS = 60_000;
/** ECMA-419: from here on there is a link to the access point, from there on an address too; below, an attempt. */
const ATTEMPT = 300;
const LINKED = 400;
const ADDRESSED = 500;

export default function (done) {
  if (config.ssid) new Station();
  done();
}

class Station {
  constructor() {
    const station = this;
    this.wait = FIRST_WAIT_MS;
    this.lost = false;
    this.wifi = new WiFi({
      onChanged(property) {
        if (property === "connection") station.changed(this.connection);
      },
    });
    this.timer = Timer.repeat(() => this.check(), CHECK_MS);
  }

  changed(connection) {
    if (connection < ATTEMPT) this.retry();
    else if (connection >= ADDRESSED && this.lost) this.back();
  }

  retry() {
    const { wait } = this;
    trace(`Wi-Fi: no link to "${config.ssid}" (name, password, or distance); next try in ${wait / 1000} s\n`);
    this.lost = true;
    this.wait = Math.min(wait * 2, LONGEST_WAIT_MS);
    Timer.schedule(this.timer, wait, wait);
  }

  back() {
    trace(`Wi-Fi: back on "${config.ssid}"\n`);
    this.lost = false;
    this.wait = FIRST_WAIT_MS;
    Timer.schedule(this.timer, CHECK_MS, CHECK_MS);
  }

  check() {
    if (this.wifi.connection >= LINKED) return;
    try {
      this.wifi.connect({ SSID: config.ssid, ...(config.password && { password: config.password, secure: true }) });
    } catch {
      // An attempt is under way; its end is told, or the next check finds it.
    }
  }
}
