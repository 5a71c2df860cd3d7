// Which property names may be shortened: behind the fourth character each costs memory there, in every object anew. Those of
// the public interface stay, those of the language and the engine, and whatever the program also has as a string.

import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseSync, types as t, traverse } from "@babel/core";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const SOURCES = ["src", "targets/espruino"];
/** Their exports are what an application sees. */
const DOORS = ["src/index.ts", "targets/espruino/index.ts"];
const PLAIN = { configFile: false, babelrc: false } as const;

type Declaration = t.ClassDeclaration | t.TSInterfaceDeclaration;

/** Names in `bundle`, an ES module, that nothing outside it knows. */
export async function shortenable(bundle: string): Promise<string[]> {
  const keep = new Set([...languageNames(), ...(await publicNames())]);
  const { names, strings } = usedNames(bundle);
  return [...names].filter(name => name.length > 2 && !keep.has(name) && !strings.has(name)).sort();
}

function languageNames(): string[] {
  const names: string[] = [];
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

async function publicNames(): Promise<Set<string>> {
  const names = new Set<string>();
  const declarations = new Map<string, Declaration>();
  const doors: string[] = [];
  for (const folder of SOURCES) {
    for (const entry of await readdir(join(ROOT, folder), { recursive: folder === "src" })) {
      if (!entry.endsWith(".ts")) continue;
      const file = join(folder, entry);
      const tree = await parsed(file);
      traverse(tree, {
        "ClassDeclaration|TSInterfaceDeclaration"({ node }: { node: t.Node }) {
          const declaration = node as Declaration;
          // A door's own class stands for the one of src/ that it extends.
          const name = DOORS.includes(file) ? `${file}:${declaration.id!.name}` : declaration.id!.name;
          declarations.set(name, declaration);
        },
        // The engine's own.
        "TSPropertySignature|TSMethodSignature"({ node }: { node: t.Node }) {
          if (file.endsWith("espruino.d.ts")) names.add(nameOf(node));
        },
        ExportNamedDeclaration({ node }) {
          if (!DOORS.includes(file)) return;
          for (const { exported } of node.specifiers) doors.push((exported as t.Identifier).name);
          if (t.isClassDeclaration(node.declaration) || t.isTSInterfaceDeclaration(node.declaration)) {
            doors.push(`${file}:${node.declaration.id!.name}`);
          }
        },
      });
    }
  }
  for (let at = 0; at < doors.length; at++) {
    const declaration = declarations.get(doors[at]!);
    if (!declaration) continue;
    for (const member of declaration.body.body) {
      if (isPublic(member)) names.add(nameOf(member));
    }
    if (t.isClassDeclaration(declaration)) doors.push((declaration.superClass as t.Identifier)?.name);
    else for (const { expression } of declaration.extends ?? []) doors.push((expression as t.Identifier).name);
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
