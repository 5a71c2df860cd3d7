// Runs in XS: counts the instructions of a program's handlers by name. Counts, not times, so the same in every run.

declare const host: { call(name: string, argument: unknown): unknown };

/** Sets the instruction count of this command, and returns the old one. Limit 0: none. */
declare const resetMeter: (limit: number, count: number) => number;

export interface HandlerCost {
  name: string;
  calls: number;
  /** Instructions of all calls, and of the longest one, with those of the library that a handler calls. */
  instructions: number;
  most: number;
  /** Slots of events that called only this handler, with those of the library; the first event is not counted. */
  slots?: number;
}

// biome-ignore lint/suspicious/noExplicitAny: handlers of any kind
type Handler = (...args: any[]) => any;

const table = new Map<string, HandlerCost>();

export function costs(): HandlerCost[] {
  return [...table.values()];
}

export function instructions(): number {
  const count = resetMeter(0, 0);
  resetMeter(0, count);
  return count;
}

const now = {
  /** True in the constructor of a client: its timer is not one of the program. */
  making: 0,
  /** Instructions of counting where one handler calls another. */
  spent: 0,
};

/** Stops counting until the returned function is called. */
export function uncounted(): () => void {
  now.making++;
  return () => {
    now.making--;
  };
}

/** Counts the cost of `handler` from now on. */
export function counted<H extends Handler>(name: string | ((args: Parameters<H>) => string), handler: H): H {
  if (now.making) return handler;
  return function (this: unknown, ...args: Parameters<H>) {
    const label = typeof name === "string" ? name : name(args);
    const spent = now.spent;
    const before = instructions();
    try {
      return handler.apply(this, args);
    } finally {
      const after = instructions();
      // A handler that throws can need fewer instructions than an empty one.
      note(label, Math.max(0, after - before - EMPTY - (now.spent - spent)));
      now.spent += instructions() - after;
    }
  } as H;
}

function note(name: string, taken: number): void {
  let cost = table.get(name);
  if (!cost) {
    cost = { name, calls: 0, instructions: 0, most: 0 };
    table.set(name, cost);
  }
  cost.calls++;
  cost.instructions += taken;
  cost.most = Math.max(cost.most, taken);
  host.call("handled", name);
}

/** Cost of counting itself. */
const EMPTY = emptyCost();

function emptyCost(): number {
  const empty: Handler = () => {};
  const before = instructions();
  empty.apply(undefined, []);
  return instructions() - before;
}
