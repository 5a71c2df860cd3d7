// Stands in for `process-nextick-args`. Only the published writer calls it, for streams with `cork` (group "caches").

export function nextTick<T>(task: (argument: T) => void, argument: T): void {
  task(argument);
}
