// Docstrings to Markdown, and what the table of options takes from them.

/** A docstring in parts. */
interface Doc {
  text: string;
  /** In the order of the docstring. */
  params: { name: string; text: string }[];
  returns: string;
  throws: string;
}

export function split(doc: string): Doc {
  const result: Doc = { text: "", params: [], returns: "", throws: "" };
  // A tag stands at the beginning of a line, or behind a sentence.
  const [text, ...tags] = doc.split(/(?:^|(?<=\.)\s|\n)(?=@(?:param|returns|throws|typeParam)\b)/);
  result.text = text!.startsWith("@") ? "" : text!;
  if (text!.startsWith("@")) tags.unshift(text!);
  for (const tag of tags) {
    const [, name, rest] = /^@(\w+)\s*([\s\S]*)$/.exec(tag)!;
    if (name === "returns") result.returns = rest!;
    else if (name === "throws") result.throws = rest!;
    else {
      const [, param, meaning] = /^(\S+)\s*([\s\S]*)$/.exec(rest!)!;
      result.params.push({ name: param!, text: meaning! });
    }
  }
  return result;
}

/** Paragraphs, lists and indented code of a docstring as Markdown. */
export function markdown(text: string): string {
  return linked(text)
    .split(/\n\s*\n/)
    .map(paragraph =>
      paragraph.startsWith("    ")
        ? codeBlock(paragraph.replace(/^ {4}/gm, ""))
        : paragraph
            .replace(/\n(?!- )/g, " ")
            .replace(/\n- /g, "\n- ")
            .replace(/ {2,}/g, " ")
            .replace(/([^\n])\n- /, "$1\n\n- "),
    )
    .join("\n\n")
    .trim();
}

function codeBlock(code: string): string {
  return `\`\`\`${code.startsWith("[") ? "ini" : "ts"}\n${code}\n\`\`\``;
}

/** The same for a cell of a table. */
export function cell(text: string): string {
  return linked(text)
    .replace(/@throws /g, "Throws ")
    .replace(/@returns /g, "Returns ")
    .replace(/\s+/g, " ")
    .replaceAll("|", "\\|")
    .trim();
}

/** A type, or any other code, in a cell. */
export function codeCell(text: string): string {
  return text ? `\`${text.replaceAll("|", "\\|")}\`` : "";
}

function linked(text: string): string {
  return text.replace(/\{@link ([^}]+)\}/g, "`$1`");
}

/** What the docstring of an option says about its default: "none" if it says nothing. */
export function defaultOf(doc: string, optional: boolean): string {
  const text = linked(doc).replace(/\s+/g, " ");
  if (!optional) return "required";
  const conditional = /Required, (except for Quickstart|unless [^.]*)/.exec(text)?.[1];
  const named =
    /\b(\w+), the default/.exec(text)?.[1] ??
    /\b[Dd]efault(?: is)?:? ("[^"]*"|`[^`]*`[^.;]*|[^.:;()]+(?:\.\d+)?)/.exec(text)?.[1]?.replace(/, which .*/, "");
  if (conditional?.startsWith("unless")) return `required ${conditional}`;
  if (conditional) return `required; Quickstart: ${named}`;
  return named?.trim() ?? "none";
}

const UNITS = /\b(milliseconds|seconds|bytes|messages|requests)\b/i;

/** What the docstring and the type of an option say about its values: range and unit. */
export function rangeOf(doc: string, type: string): string {
  const text = doc.replace(/\s+/g, " ");
  const range =
    /\d+\.\.\d+(?:\^\d+)?(?:-\d+)?(?: (?:of A-Z a-z 0-9 - _ \.|bytes of UTF-8))?/.exec(text)?.[0] ??
    /above \d+, at most \d+/.exec(text)?.[0];
  const unit = type.includes("number") && !range?.includes("bytes") ? UNITS.exec(text)?.[1]?.toLowerCase() : undefined;
  if (range) return unit ? `${range} ${unit}` : range;
  if (/^boolean\b/.test(type)) return "true, false";
  if (/^[\d"][^{]*\|/.test(type)) return type.replaceAll(" | ", ", ");
  return unit ?? "";
}
