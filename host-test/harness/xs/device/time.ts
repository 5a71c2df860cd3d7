// Moddable's module "time", the part that device programs use.

const Time = {
  /** Milliseconds. */
  get ticks(): number {
    return Date.now();
  },
  get microseconds(): number {
    return Date.now() * 1000;
  },
  delta(start: number, end: number = Date.now()): number {
    return end - start;
  },
};

export default Time;
