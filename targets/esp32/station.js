// Keeps the board on its Wi-Fi network. The SDK's own set-up connects once, before main. This module connects again when
// the access point was away at start or goes away later: after 2 s, then it doubles the delay up to 60 s. It traces one
// line for each attempt that failed.
//
// `station.onBack`, a global that the program may set, is called when the network is back: a client that waits for its own
// next attempt can try at once. The call comes up to 2 s late, at random: after a power failure all devices of a site come
// back together, and should not reach the server together.

import WiFi from "embedded:network/interface/wifi";
import config from "mc/config";
import Timer from "timer";

/** Also for the attempt of the SDK's set-up: the SDK does not report how that one ended. */
const CHECK_MS = 10_000;
const FIRST_WAIT_MS = 2_000;
const LONGEST_WAIT_MS = 60_000;
const JITTER_MS = 2_000;
/** States of ECMA-419: an attempt is under way, there is a link to the access point, there is an IP address. */
const ATTEMPT = 300;
const LINKED = 400;
const ADDRESSED = 500;

export default function (done) {
  if (config.ssid) globalThis.station = new Station();
  done();
}

class Station {
  constructor() {
    const station = this;
    this.wait = FIRST_WAIT_MS;
    this.lost = false;
    this.onBack = undefined;
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
    if (this.onBack) Timer.set(() => this.onBack(), Math.random() * JITTER_MS);
  }

  check() {
    if (this.wifi.connection >= LINKED) return;
    try {
      this.wifi.connect({ SSID: config.ssid, ...(config.password && { password: config.password, secure: true }) });
    } catch {
      // An attempt is under way. onChanged() or the next check sees how it ends.
    }
  }
}
