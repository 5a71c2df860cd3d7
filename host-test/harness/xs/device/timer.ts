// Moddable's module "timer", the part that device programs use, with the timers of the host or of a test.

type Callback = (timer: Timer) => void;

export default class Timer {
  private callback: Callback;
  private running: unknown;

  private constructor(callback: Callback) {
    this.callback = callback;
  }

  /** Calls back after `interval` ms, then every `repeat` ms if given. */
  static set(callback: Callback, interval = 0, repeat?: number): Timer {
    const timer = new Timer(callback);
    Timer.schedule(timer, interval, repeat);
    return timer;
  }

  static repeat(callback: Callback, interval: number): Timer {
    return Timer.set(callback, interval, interval);
  }

  static schedule(timer: Timer, interval?: number, repeat?: number): void {
    Timer.clear(timer);
    if (interval === undefined) return;
    timer.running = setTimeout(() => {
      if (repeat !== undefined) Timer.schedule(timer, repeat, repeat);
      timer.callback(timer);
    }, interval);
  }

  static clear(timer?: Timer | null): void {
    clearTimeout(timer?.running as undefined);
  }
}
