// Lists that never change. A frozen list of a module that Moddable preloads stays in flash; one that could change takes RAM.

/** The list of `items`. */
export function frozen<const Items extends readonly unknown[]>(...items: Items): Items {
  return Object.freeze(items) as Items;
}
