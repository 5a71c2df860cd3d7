// A limit for the time that something may take.

/** Resolves as `work` does, or with `late` after `ms`. */
export function within<T, L>(ms: number, work: Promise<T>, late: L): Promise<T | L> {
  let timer: NodeJS.Timeout | undefined;
  const expired = new Promise<L>(resolve => {
    timer = setTimeout(resolve, ms, late);
  });
  return Promise.race([work, expired]).finally(() => clearTimeout(timer));
}
