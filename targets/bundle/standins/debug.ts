// Stands in for `debug`: says nothing. The trimmed bundle does not even call it.

export default function debug(): () => void {
  return () => {};
}
