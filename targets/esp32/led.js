// The board's light: its own driver where the board has one, else a pin. The simulator has neither and says so.

import config from "mc/config";
import Timer from "timer";

const PIN = 2;
const BLINK_MS = 250;

/** One light, opened when it is first needed and kept: a pin has one owner. */
export class Light {
  constructor() {
    this.changes = 0;
    this.driver = undefined;
    this.timer = undefined;
  }

  /**
   * Blinks `times` times, without waiting. A call while it blinks starts over.
   * @throws what the driver throws, for example for a pin that is taken
   */
  blink(times) {
    this.driver ??= openDriver();
    this.changes = times * 2;
    this.timer ??= Timer.repeat(() => this.change(), BLINK_MS);
  }

  change() {
    if (--this.changes >= 0) return this.driver.write(this.changes % 2);
    Timer.clear(this.timer);
    this.timer = undefined;
  }
}

function openDriver() {
  const Driver = globalThis.Host?.LED?.Default;
  if (Driver) return new Driver();
  const Digital = globalThis.device?.io?.Digital;
  if (Digital) return new Digital({ pin: config.led?.pin ?? PIN, mode: Digital.Output });
  return { write: on => trace(on ? "light on\n" : "light off\n") };
}
