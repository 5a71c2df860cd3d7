// Replaces "node:test" in test files that run in both engines: collects tests when the file is loaded, and runs them in
// runTests(). No timers, no files, ECMAScript only.

export interface Outcome {
  /** Names of the suites and the test, outermost first. */
  name: string;
  /** Reason of a failure; absent if the test passed. */
  error?: string;
  skipped?: boolean;
  /** Messages from and to the devices of the test. */
  dialogues: string[];
  /** XS instructions of the test, without those after an await. */
  instructions?: number;
}

export interface Context {
  readonly name: string;
  diagnostic(text: string): void;
  after(hook: Hook): void;
  test(name: string, body: Body): Promise<void>;
}

interface Options {
  skip?: boolean | string;
  todo?: boolean | string;
}

type Hook = () => unknown;
type Body = (t: Context) => unknown;

interface Suite {
  name: string;
  parent: Suite | undefined;
  skipped: boolean;
  before: Hook[];
  after: Hook[];
  beforeEach: Hook[];
  afterEach: Hook[];
  items: (Suite | Case)[];
}

interface Case {
  name: string;
  suite: Suite;
  skipped: boolean;
  body: Body;
}

const engine = globalThis as unknown as {
  /** Function of the XS worker: sets the instruction count, returns the old one. */
  resetMeter?: (limit: number, count: number) => number;
  /** Called by the harness with each device. */
  onTestDevice?: ((device: { readonly dialogue: string }) => void) | undefined;
};

const root = newSuite("", undefined, false);
const now: { suite: Suite } = { suite: root };

function newSuite(name: string, parent: Suite | undefined, skipped: boolean): Suite {
  return { name, parent, skipped, before: [], after: [], beforeEach: [], afterEach: [], items: [] };
}

/** (name, body), (name, options, body) or (body), as in node:test. */
function split<B>(args: readonly unknown[]): { name: string; options: Options; body: B } {
  const body = args.find(arg => typeof arg === "function") as unknown as B & { name?: string };
  const options = (args.find(arg => typeof arg === "object" && arg !== null) ?? {}) as Options;
  const name = typeof args[0] === "string" ? args[0] : body.name || "<anonymous>";
  return { name, options, body };
}

type Args<B> = [name: string, options: Options, body: B] | [name: string, body: B] | [body: B];

function addTest(skipped: boolean, args: Args<Body>): Promise<void> {
  const { name, options, body } = split<Body>(args);
  const skip = skipped || Boolean(options.skip) || Boolean(options.todo);
  now.suite.items.push({ name, suite: now.suite, skipped: skip, body });
  return Promise.resolve();
}

function addSuite(skipped: boolean, args: Args<() => void>): void {
  const { name, options, body } = split<() => void>(args);
  const suite = newSuite(name, now.suite, skipped || Boolean(options.skip));
  now.suite.items.push(suite);
  now.suite = suite;
  try {
    body();
  } finally {
    now.suite = suite.parent!;
  }
}

export const test = Object.assign((...args: Args<Body>) => addTest(false, args), {
  skip: (...args: Args<Body>) => addTest(true, args),
  todo: (...args: Args<Body>) => addTest(true, args),
});
export const it = test;
export const describe = Object.assign((...args: Args<() => void>) => addSuite(false, args), {
  skip: (...args: Args<() => void>) => addSuite(true, args),
});
export const suite = describe;
export const before = (hook: Hook): void => void now.suite.before.push(hook);
export const after = (hook: Hook): void => void now.suite.after.push(hook);
export const beforeEach = (hook: Hook): void => void now.suite.beforeEach.push(hook);
export const afterEach = (hook: Hook): void => void now.suite.afterEach.push(hook);
export default test;

/** Runs all tests, one after the other, in the order of the file. */
export async function runTests(): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  await runSuite(root, outcomes);
  return outcomes;
}

/** @param outer why `before` of a suite around it failed */
async function runSuite(suite: Suite, outcomes: Outcome[], outer?: string): Promise<void> {
  const failed = outer ?? (await attempt(suite.before));
  for (const item of suite.items) {
    if ("items" in item) {
      item.skipped ||= suite.skipped;
      await runSuite(item, outcomes, failed);
    } else if (suite.skipped || item.skipped) outcomes.push({ name: fullName(item), skipped: true, dialogues: [] });
    else if (failed) outcomes.push({ name: fullName(item), error: failed, dialogues: [] });
    else await runCase(item, outcomes);
  }
  const error = await attempt(suite.after);
  if (error) outcomes.push({ name: `${suite.name} (after)`, error, dialogues: [] });
}

async function runCase(item: Case, outcomes: Outcome[]): Promise<void> {
  const devices: { readonly dialogue: string }[] = [];
  const inner: Case[] = [];
  const hooks: Hook[] = [];
  const t: Context = {
    name: item.name,
    diagnostic() {},
    after: hook => void hooks.push(hook),
    async test(name, body) {
      inner.push({ name: `${item.name} > ${name}`, suite: item.suite, skipped: false, body });
    },
  };
  const suites: Suite[] = [];
  for (let one: Suite | undefined = item.suite; one; one = one.parent) suites.unshift(one);
  engine.onTestDevice = device => devices.push(device);
  let instructions: number | undefined;
  let error = await attempt(suites.flatMap(one => one.beforeEach));
  if (!error) {
    const body = () => {
      engine.resetMeter?.(0, 0);
      try {
        return item.body(t);
      } finally {
        instructions = engine.resetMeter?.(0, 0);
      }
    };
    error = await attempt([body]);
  }
  const later = await attempt([...hooks, ...suites.reverse().flatMap(one => one.afterEach)]);
  engine.onTestDevice = undefined;
  error ??= later;
  outcomes.push({
    name: fullName(item),
    dialogues: devices.map(({ dialogue }) => dialogue),
    ...(error === undefined ? {} : { error }),
    ...(instructions === undefined ? {} : { instructions }),
  });
  for (const one of inner) await runCase(one, outcomes);
}

/** Calls one function after the other. Returns the text of the first exception. */
async function attempt(calls: readonly Hook[]): Promise<string | undefined> {
  try {
    for (const call of calls) await call();
    return undefined;
  } catch (error) {
    return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  }
}

function fullName(item: Case): string {
  const names = [item.name];
  for (let one: Suite | undefined = item.suite; one?.parent; one = one.parent) names.unshift(one.name);
  return names.join(" > ");
}
