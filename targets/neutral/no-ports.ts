import { ConfigurationException } from "../../src/errors.ts";

/** Default of the constructors' argument `ports`. */
export function noPorts(): never {
  throw new ConfigurationException(
    'no ports: build for Node (condition "node") or Moddable (condition "moddable"), or pass ports as the last argument',
  );
}
