// The board's light: its own driver where the board has one, else a pin. The simulator has neither and says so.

import config from "mc/config";
import Timer from "timer";

const PIN = 2;
const BLINK_MS = 250;

/** Blinks `times` times, without waiting. */
export function blink(times) {
  const light = openLight();
  let left = times * 2;
  const timer = Timer.repeat(() => {
    light.write(left % 2 ? 0 : 1);
    if (--left >= 0) return;
    Timer.clear(timer);
    light.close?.();
  }, BLINK_MS);
}

function openLight() {
  const Light = globalThis.Host?.LED?.Default;
  if (Light) return new Light();
  const Digital = globalThis.device?.io?.Digital;
  if (Digital) return new Digital({ pin: config.led?.pin ?? PIN, mode: Digital.Output });
  return { write: on => trace(on ? "light on\n" : "light off\n") };
}
