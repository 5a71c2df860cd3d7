// Runs inside XS: how many instructions a program's handlers take, by name. A count, not a time: the same in every run.

declare const host: { call(name: string, argument: unknown): unknown };

/** Sets the engine's count of instructions in this command, and returns what it was. The limit is off with 0. */
declare const resetMeter: (limit: number, count: number) => number;

export interface HandlerCost {
  name: string;
  calls: number;
  /** Instructions of all calls, and of the longest one; what a handler calls of the library is in it. */
  instructions: number;
  most: number;
  /** Slots that an event took which called this handler and no other, the library's part included; without the first. */
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
  /** A client is being made: the timer it asks for is its own, not the program's. */
  making: 0,
  /** Instructions that counting took, where one handler calls another. */
  spent: 0,
};

/** Nothing that is given to `counted` is, until the function that is returned is called. */
export function uncounted(): () => void {
  now.making++;
  return () => {
    now.making--;
  };
}

/** Counts what `handler` takes from now on. */
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
      // What throws leaves earlier than an empty handler.
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

/** What counting itself adds. */
const EMPTY = emptyCost();

function emptyCost(): number {
  const empty: Handler = () => {};
  const before = instructions();
  empty.apply(undefined, []);
  return instructions() - before;
}
