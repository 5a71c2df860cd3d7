// docs/reference.md from the declarations of the package and the help texts of its command line.

import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { types as t } from "@babel/core";
import { declarationOf, docOf, type Export, exportsOf, isPublic, textOf } from "./declarations.ts";
import { cell, codeCell, defaultOf, markdown, rangeOf, split } from "./docstrings.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** Interfaces whose members are options: their tables have default and range. */
const OPTIONS = /(Options|Limits|Config|Endpoint$|^Will)$/;

interface Section {
  title: string;
  intro: string;
  /** Declaration files of the entry, as built. */
  entry: string;
  /** Declarations that other sections have. */
  without: readonly string[];
}

const SECTIONS: readonly Section[] = [
  {
    title: "iotf-embedded",
    intro:
      "The exports of `iotf-embedded` on every engine. Node and Moddable have default ports, so that the second argument of " +
      "the constructors may be left out there. `iotf-embedded/core` has the same exports without default ports.",
    entry: "dist/index.d.ts",
    without: [],
  },
  {
    title: "iotf-embedded on Node",
    intro: "The entry of Node has the exports above and these.",
    entry: "dist/node.d.ts",
    without: ["dist/index.d.ts"],
  },
  {
    title: "iotf-embedded on Moddable",
    intro:
      "The entry of Moddable (condition `moddable`, or a manifest) has the exports of the first section and these.",
    entry: "dist/moddable.d.ts",
    without: ["dist/index.d.ts"],
  },
  {
    title: "iotf-embedded without an engine",
    intro:
      "A bundler or compiler that sets neither the condition `node` nor `moddable` resolves `iotf-embedded` to this entry. It " +
      "has the exports of the first section. Without `ports`, the constructors throw ConfigurationException.",
    entry: "dist/neutral.d.ts",
    without: ["dist/index.d.ts"],
  },
  {
    title: "The Espruino module",
    intro:
      "`dist/espruino/iotf.js`, made by `npm run espruino`, exports these. `DeviceClient` and `MqttClient` are those of the " +
      "first section.",
    entry: "targets/espruino/index.ts",
    without: ["dist/index.d.ts"],
  },
  {
    title: "iotf-embedded/http",
    intro: "`HttpClient`: events and commands over HTTP, for Node and Moddable.",
    entry: "dist/http.d.ts",
    without: ["dist/index.d.ts"],
  },
  {
    title: "iotf-embedded/http on Node",
    intro: "The entry of Node has the exports above and these.",
    entry: "dist/http-node.d.ts",
    without: ["dist/http.d.ts"],
  },
  {
    title: "iotf-embedded/http on Moddable",
    intro: "The entry of Moddable has the exports of `iotf-embedded/http` and these.",
    entry: "dist/http-moddable.d.ts",
    without: ["dist/http.d.ts"],
  },
  {
    title: "iotf-embedded/http without an engine",
    intro: "As above: the exports of `iotf-embedded/http`, without default ports.",
    entry: "dist/http-neutral.d.ts",
    without: ["dist/http.d.ts"],
  },
  {
    title: "iotf-embedded/managed",
    intro: "`ManagedDeviceClient`: a device that the platform manages. [managed.md](managed.md) shows how.",
    entry: "dist/managed.d.ts",
    without: ["dist/index.d.ts"],
  },
  {
    title: "iotf-embedded/managed on Node",
    intro: "The entry of Node has the exports above and these.",
    entry: "dist/managed-node.d.ts",
    without: ["dist/managed.d.ts"],
  },
  {
    title: "iotf-embedded/managed on Moddable",
    intro: "The entry of Moddable has the exports of `iotf-embedded/managed` and these.",
    entry: "dist/managed-moddable.d.ts",
    without: ["dist/managed.d.ts"],
  },
  {
    title: "iotf-embedded/managed without an engine",
    intro: "As above: the exports of `iotf-embedded/managed`, without default ports.",
    entry: "dist/managed-neutral.d.ts",
    without: ["dist/managed.d.ts"],
  },
  {
    title: "iotf-embedded/update on Moddable",
    intro: "`FirmwareUpdater`: firmware update over the air. [esp32.md](esp32.md#update-over-the-air) shows how.",
    entry: "dist/update-moddable.d.ts",
    without: ["dist/index.d.ts", "dist/moddable.d.ts", "dist/managed.d.ts"],
  },
  {
    title: "iotf-embedded/testing",
    intro: "Runs a device program in a test. [testing.md](testing.md) shows how.",
    entry: "dist/testing.d.ts",
    without: ["dist/index.d.ts"],
  },
  {
    title: "iotf-embedded/platform",
    intro: "The local platform for integration tests, on Node. [tools.md](tools.md) shows how.",
    entry: "dist/platform.d.ts",
    without: [],
  },
];

/** Programs with a help text, as a reader starts them, and how this script does. */
const HELP: readonly (readonly [title: string, args: readonly string[]])[] = [
  ["npx iotf-embedded", ["dist/cli.js", "help"]],
  ["npx iotf-embedded platform", ["dist/cli.js", "help", "platform"]],
  ["npx iotf-embedded device", ["dist/cli.js", "help", "device"]],
  ["npx iotf-embedded send", ["dist/cli.js", "help", "send"]],
  ["npx iotf-embedded manage", ["dist/cli.js", "help", "manage"]],
  ["npx iotf-embedded update", ["dist/cli.js", "help", "update"]],
  ["npx iotf-embedded watch", ["dist/cli.js", "help", "watch"]],
  ["npx iotf-embedded fleet", ["dist/cli.js", "help", "fleet"]],
  ["npx iotf-embedded xs", ["dist/cli.js", "help", "xs"]],
  ["npm start", ["--import", "tsx", "host-test/harness/demo/main.ts", "--help"]],
  ["npm run bench", ["--import", "tsx", "host-test/bench/main.ts", "--help"]],
  ["npm run flash, npm run sim", ["--import", "tsx", "targets/esp32/flash.ts", "flash", "--help"]],
];

/** The text of docs/reference.md. Needs dist/. */
export function reference(): string {
  const parts = [
    "# Reference",
    "This page lists every export, option, callback and error code of the package and every option of its commands. " +
      "`npm run docs` writes it from the declarations and the help texts; a test fails when the page differs from them. " +
      "To change a text, change the docstring.",
    contents(),
    "## Errors",
    errors(),
  ];
  for (const section of SECTIONS) parts.push(`## ${section.title}`, section.intro, ...sectionParts(section));
  parts.push("## Commands", "The help text of each command. Each takes `--help`.");
  for (const [title, args] of HELP) parts.push(`### ${title}`, `\`\`\`text\n${help(args)}\n\`\`\``);
  return `${parts.filter(part => part).join("\n\n")}\n`;
}

function contents(): string {
  const titles = ["Errors", ...SECTIONS.map(({ title }) => title), "Commands"];
  return titles.map(title => `- [${title}](#${anchor(title)})`).join("\n");
}

/** The anchor that GitHub and npm give a heading. */
export function anchor(title: string): string {
  return title
    .toLowerCase()
    .replace(/[^\w\- ]/g, "")
    .replaceAll(" ", "-");
}

function help(args: readonly string[]): string {
  const environment = { ...process.env, NO_COLOR: "1", NODE_NO_WARNINGS: "1" };
  return execFileSync(process.execPath, args, { cwd: ROOT, encoding: "utf8", env: environment }).trim();
}

function sectionParts({ entry, without }: Section): string[] {
  const file = join(ROOT, entry);
  if (!existsSync(file)) throw new Error(`${entry} is not there: npm run build`);
  const others = new Map(without.flatMap(other => [...exportsOf(join(ROOT, other))]));
  const exports = [...exportsOf(file).values()].filter(one => others.get(one.name)?.node !== one.node);
  const bases: string[] = [];
  const parts: string[] = [];
  for (const one of exports) {
    if (isError(one)) continue; // they have a section of their own
    const base = ownBase(one, exports);
    if (base && !bases.includes(base.name) && !others.size) {
      bases.push(base.name);
      const users = exports
        .filter(other => ownBase(other, exports)?.node === base.node)
        .map(({ name }) => `\`${name}\``);
      parts.push(`### ${base.name}: members of ${users.join(" and ")}`, ...classParts(base));
    }
  }
  for (const one of exports) if (!isError(one)) parts.push(`### ${one.name}`, ...exportParts(one));
  return parts;
}

/** The superclass, if applications cannot import it. */
function ownBase({ file, node }: Export, exports: readonly Export[]): Export | undefined {
  if (!t.isClassDeclaration(node) || !t.isIdentifier(node.superClass)) return undefined;
  const base = declarationOf(file, node.superClass.name);
  return base && !exports.some(other => other.node === base.node) ? base : undefined;
}

function exportParts(one: Export): string[] {
  const { file, node, doc } = one;
  if (t.isClassDeclaration(node)) return classParts(one);
  if (t.isTSInterfaceDeclaration(node)) {
    const parent = node.extends?.length ? `Extends ${node.extends.map(e => `\`${textOf(file, e)}\``).join(", ")}.` : "";
    return [markdown(split(doc).text), parent, members(one.name, file, node.body.body)];
  }
  if (t.isTSDeclareFunction(node) || t.isFunctionDeclaration(node)) return functionParts(signature(file, node), doc);
  const meaning = one.name === "ConnectionErrorCode" ? "See [Errors](#errors)." : markdown(split(doc).text);
  return [code(textOf(file, node).replace(/^declare /, "")), meaning];
}

function classParts({ name, file, node, doc }: Export): string[] {
  const body = (node as t.ClassDeclaration).body.body.filter(isPublic);
  const parts = [markdown(doc)];
  const callbacks: string[] = [];
  const properties: string[] = [];
  const functions: string[] = [];
  const seen = new Set<string>();
  for (const member of body) {
    const method = member as t.ClassMethod | t.TSDeclareMethod;
    if (t.isClassProperty(member) || method.kind === "get") {
      const key = (method.key as t.Identifier).name;
      const annotation = t.isClassProperty(member) ? member.typeAnnotation : method.returnType;
      const type = textOf(file, annotation).replace(/^: /, "");
      const row = `| \`${key}\` | ${codeCell(type.replace(/^\((.*)\) \| undefined$/, "$1"))} | ${cell(docOf(member))} |`;
      (/Callback$/.test(key) ? callbacks : properties).push(row);
    } else if (method.kind === "constructor" || method.kind === "method") {
      const title = method.kind === "constructor" ? `new ${name}` : (method.key as t.Identifier).name;
      if (seen.has(title) && !docOf(member)) continue;
      seen.add(title);
      functions.push(...functionParts(methodSignature(title, file, method), docOf(member)));
    }
  }
  if (callbacks.length) parts.push(`| Callback | Type | Called |\n|---|---|---|\n${callbacks.join("\n")}`);
  if (properties.length) parts.push(`| Property | Type | Meaning |\n|---|---|---|\n${properties.join("\n")}`);
  return [...parts, ...functions];
}

function members(name: string, file: string, body: readonly t.TSTypeElement[]): string {
  const options = OPTIONS.test(name);
  const rows = memberRows(options, file, body, "");
  if (!rows.length) return "";
  const head = options
    ? "| Option | Type | Default | Range, unit | Meaning |\n|---|---|---|---|---|"
    : "| Member | Type | Meaning |\n|---|---|---|";
  return `${head}\n${rows.join("\n")}`;
}

/** @param prefix names of the objects that the members are in, with a dot behind each */
function memberRows(options: boolean, file: string, body: readonly t.TSTypeElement[], prefix: string): string[] {
  return body.filter(isPublic).flatMap(member => {
    const { key, optional, typeAnnotation } = member as t.TSPropertySignature;
    const name = prefix + textOf(file, key).replace(/^"|"$/g, "");
    const inner = typeAnnotation?.typeAnnotation;
    const doc = docOf(member);
    if (options && t.isTSTypeLiteral(inner)) {
      const need = defaultOf(doc, optional === true);
      const row = `| \`${name}\` | \`object\` | ${need} |  | ${cell(doc)} |`;
      return [row, ...memberRows(options, file, inner.members, `${name}.`)];
    }
    const type = t.isTSMethodSignature(member)
      ? textOf(file, member)
          .replace(/^[\w"-]+\??/, "")
          .replace(/;$/, "")
      : textOf(file, typeAnnotation).replace(/^: /, "");
    const cells = [`\`${name}\``, codeCell(type)];
    if (options) cells.push(cell(defaultOf(doc, optional === true)), cell(rangeOf(doc, type)));
    return `| ${[...cells, cell(doc)].join(" | ")} |`;
  });
}

function functionParts(text: string, doc: string): string[] {
  const { text: meaning, params, returns, throws } = split(doc);
  const list = [
    ...params.map(one => `- \`${one.name}\`: ${cell(one.text)}`),
    ...(returns ? [`- Returns: ${cell(returns)}`] : []),
    ...(throws ? [`- Throws: ${cell(throws)}`] : []),
  ];
  return [code(text), markdown(meaning), list.join("\n").replaceAll("\\|", "|")];
}

function signature(file: string, node: t.TSDeclareFunction | t.FunctionDeclaration): string {
  const body = t.isFunctionDeclaration(node) ? textOf(file, node.body) : "";
  const text = textOf(file, node);
  return text
    .slice(0, text.length - body.length)
    .replace(/^(declare )?function /, "")
    .replace(/;? *$/, "");
}

function methodSignature(title: string, file: string, method: t.ClassMethod | t.TSDeclareMethod): string {
  const params = method.params.map(one => parameter(file, one as t.Identifier)).join(", ");
  const result = textOf(file, method.returnType);
  return `${title}${textOf(file, method.typeParameters)}(${params})${result}`;
}

/** A parameter with its type. The name of a function type that applications cannot import is replaced by the type. */
function parameter(file: string, one: t.Identifier): string {
  const text = textOf(file, one);
  const type = (one.typeAnnotation as t.TSTypeAnnotation | undefined)?.typeAnnotation;
  if (!t.isTSTypeReference(type) || !t.isIdentifier(type.typeName) || !/Callback$/.test(type.typeName.name))
    return text;
  const found = declarationOf(file, type.typeName.name);
  if (!found || !t.isTSTypeAliasDeclaration(found.node)) return text;
  return text.replace(type.typeName.name, textOf(found.file, found.node.typeAnnotation));
}

function code(text: string): string {
  return `\`\`\`ts\n${text}\n\`\`\``;
}

function isError({ name }: Export): boolean {
  return /Exception$|^UnsupportedAuthenticationMethod$/.test(name);
}

function errors(): string {
  const exports = [...exportsOf(join(ROOT, "dist/index.d.ts")).values()];
  const rows = exports.filter(isError).map(one => {
    const body = (one.node as t.ClassDeclaration).body.body;
    const property = body.find(
      member => t.isClassProperty(member) && t.isIdentifier(member.key, { name: "code" }),
    ) as t.ClassProperty;
    const type = textOf(one.file, property.typeAnnotation).replace(/^: /, "");
    const codes = /ConnectionErrorCode/.test(type) ? "see below" : type.replaceAll('"', "`").replaceAll(" | ", ", ");
    return `| \`${one.name}\` | ${codes} | ${cell(one.doc)} |`;
  });
  const list = exports.find(({ name }) => name === "ConnectionErrorCode")!.doc;
  return [
    "Each error of the library has a `code` that stays the same in later versions. Texts may change. No text contains a " +
      "token or a password.",
    `| Class | \`code\` | When |\n|---|---|---|\n${rows.join("\n")}`,
    `\`returnCode\` of a ConnectionException with code \`refused\` is the return code of CONNACK or the HTTP status.`,
    markdown(list),
  ].join("\n\n");
}

/** The declaration files that the page has a section for. */
export const ENTRIES: readonly string[] = SECTIONS.map(({ entry }) => entry);

/** The version of the page that is committed. */
export function committedReference(): string {
  return readFileSync(join(ROOT, "docs/reference.md"), "utf8");
}

export const REFERENCE_FILE = join(ROOT, "docs/reference.md");
