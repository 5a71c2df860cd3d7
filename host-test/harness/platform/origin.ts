// Origins of URLs.

/** An IPv6 address stands in brackets. */
export function originOf(scheme: string, host: string, port: number): string {
  return `${scheme}://${host.includes(":") ? `[${host}]` : host}:${port}`;
}
