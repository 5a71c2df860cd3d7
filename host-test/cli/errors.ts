// What a user can do wrong, and what can go wrong with what is right. The texts are one line, and never hold a token.

/** The command line, or a file or variable it leads to, is wrong; exit code 2. */
export class UsageError extends Error {}

/** It was right, and did not work; exit code 1. */
export class CommandError extends Error {}
