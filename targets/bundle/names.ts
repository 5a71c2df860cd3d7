// Which property names can a build for devices shorten? On Moddable each name is a text in flash; in Espruino each character
// after the fourth takes memory, in every object again. The names of the public interface, of the language and of the engine
// stay, and every name that is also a string.

import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseSync, types as t, traverse } from "@babel/core";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const PLAIN = { configFile: false, babelrc: false } as const;

type Declaration = t.ClassDeclaration | t.TSInterfaceDeclaration;

/**
 * Property names of `bundle`, an ES module, that only the bundle itself uses.
 * @param folders with the sources
 * @param entries files whose exports are the public interface
 * @param users modules that import the bundle, as text
 */
export async function shortenable(
  bundle: string,
  folders: readonly string[],
  entries: readonly string[],
  users: readonly string[] = [],
): Promise<string[]> {
  const keep = new Set([...languageNames(), ...(await publicNames(folders, entries))]);
  const { names, strings } = usedNames(bundle);
  for (const user of users.map(usedNames)) for (const name of [...user.names, ...user.strings]) keep.add(name);
  return [...names].filter(name => name.length > 2 && !keep.has(name) && !strings.has(name)).sort();
}

/** For esbuild: shortens exactly these properties. */
export function shortening(names: readonly string[]): { mangleProps?: RegExp } {
  return names.length > 0 ? { mangleProps: new RegExp(`^(?:${names.join("|")})$`) } : {};
}

/** Static functions of XS. */
const XS_NAMES = ["fromArrayBuffer", "fromString"];

function languageNames(): string[] {
  // Of property descriptors, which are plain objects.
  const names: string[] = ["value", "get", "set", "writable", "enumerable", "configurable"];
  names.push(...Object.getOwnPropertyNames(globalThis), ...XS_NAMES);
  for (const it of [
    Object,
    Function,
    Array,
    String,
    Number,
    Date,
    Error,
    RegExp,
    Math,
    JSON,
    ArrayBuffer,
    Uint8Array,
    DataView,
    Map,
    Set,
    Promise,
    TextDecoder,
    TextEncoder,
  ]) {
    for (let object: object | null = it; object; object = Object.getPrototypeOf(object)) {
      names.push(...Object.getOwnPropertyNames(object));
    }
    let prototype = (it as { prototype?: object | null }).prototype;
    for (; prototype; prototype = Object.getPrototypeOf(prototype))
      names.push(...Object.getOwnPropertyNames(prototype));
  }
  return names;
}

async function publicNames(folders: readonly string[], entries: readonly string[]): Promise<Set<string>> {
  const names = new Set<string>();
  const declarations = new Map<string, Declaration>();
  const exported: string[] = [];
  for (const folder of folders) {
    for (const entry of await readdir(join(ROOT, folder), { recursive: folder === "src" })) {
      if (!entry.endsWith(".ts")) continue;
      const file = join(folder, entry);
      const tree = await parsed(file);
      traverse(tree, {
        "ClassDeclaration|TSInterfaceDeclaration"({ node }: { node: t.Node }) {
          const declaration = node as Declaration;
          // The class of an entry has the name of the class of src/ that it extends.
          const name = entries.includes(file) ? `${file}:${declaration.id!.name}` : declaration.id!.name;
          declarations.set(name, declaration);
        },
        // Names of the engine.
        "TSPropertySignature|TSMethodSignature"({ node }: { node: t.Node }) {
          if (file.endsWith("espruino.d.ts")) names.add(nameOf(node));
        },
        ExportNamedDeclaration({ node }) {
          if (!entries.includes(file)) return;
          for (const one of node.specifiers) exported.push((one.exported as t.Identifier).name);
          if (t.isClassDeclaration(node.declaration) || t.isTSInterfaceDeclaration(node.declaration)) {
            exported.push(`${file}:${node.declaration.id!.name}`);
          }
        },
      });
    }
  }
  for (let at = 0; at < exported.length; at++) {
    const declaration = declarations.get(exported[at]!);
    if (!declaration) continue;
    for (const member of declaration.body.body) {
      if (isPublic(member)) names.add(nameOf(member));
    }
    if (t.isClassDeclaration(declaration)) exported.push((declaration.superClass as t.Identifier)?.name);
    else for (const { expression } of declaration.extends ?? []) exported.push((expression as t.Identifier).name);
  }
  return names;
}

function nameOf(member: t.Node): string {
  const { key } = member as t.ClassMethod;
  return t.isStringLiteral(key) ? key.value : (key as t.Identifier).name;
}

function isPublic(member: t.Node): boolean {
  if (!("key" in member) || !member.key) return false;
  const internal = member.leadingComments?.some(({ value }) => value.includes("@internal"));
  return !internal && (member as t.ClassMethod).accessibility !== "private";
}

async function parsed(file: string): Promise<t.Node> {
  const plugins = [["typescript", { dts: file.endsWith(".d.ts") }]] as never;
  return parseSync(await readFile(join(ROOT, file), "utf8"), { ...PLAIN, parserOpts: { plugins } })!;
}

function usedNames(bundle: string): { names: Set<string>; strings: Set<string> } {
  const names = new Set<string>();
  const strings = new Set<string>();
  const add = (key: t.Node, computed: boolean) => {
    if (!computed && t.isIdentifier(key)) names.add(key.name);
  };
  traverse(parseSync(bundle, { ...PLAIN, sourceType: "module" })!, {
    StringLiteral({ node }) {
      strings.add(node.value);
    },
    "MemberExpression|OptionalMemberExpression"({ node }: { node: t.Node }) {
      const { property, computed } = node as t.MemberExpression;
      add(property, computed);
    },
    "ObjectProperty|ObjectMethod|ClassMethod|ClassProperty"({ node }: { node: t.Node }) {
      const { key, computed } = node as t.ObjectProperty;
      add(key, computed);
    },
  });
  return { names, strings };
}
