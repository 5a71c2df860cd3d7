// Stands in for `process-nextick-args`. mqtt-packet calls it only for a stream that has `cork`; ours has none.

export function nextTick<T>(task: (argument: T) => void, argument: T): void {
  task(argument);
}
