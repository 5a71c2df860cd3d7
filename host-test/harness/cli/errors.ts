// Errors that a user can fix. Messages take one line and never contain a token.

/** The command line, a configuration file or an environment variable is wrong; exit code 2. */
export class UsageError extends Error {}

/** The command failed; exit code 1. */
export class CommandError extends Error {}
