// Stands in for `debug` and prints nothing. The shipped bundle does not call it (patch group "debug").

export default function debug(): () => void {
  return () => {};
}
