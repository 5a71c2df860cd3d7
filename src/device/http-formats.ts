// Formats and content types of HTTP (docs/protocol.md 4.3).

import { lowerCase } from "./characters.ts";

/** Content type of a format; undefined if the server has none for it. */
export function contentTypeOf(format: string): string | undefined {
  switch (format) {
    case "json":
    case "json-iotf":
      return "application/json";
    case "text":
    case "utf8":
      return "text/plain; charset=utf-8";
    case "xml":
      return "application/xml";
    case "bin":
    case "raw":
      return "application/octet-stream";
  }
  return undefined;
}

/** Format name of a content type; the content type itself if the server has no format for it. */
export function formatOf(contentType: string): string {
  const bare = lowerCase(contentType.split(";")[0]!.trim());
  switch (bare) {
    case "application/json":
      return "json";
    case "text/plain":
      return "text";
    case "application/xml":
      return "xml";
    case "application/octet-stream":
      return "bin";
  }
  return bare;
}
