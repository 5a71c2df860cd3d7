// The engines that tests run device programs on.

export * from "../../harness/xs/engines.ts";
