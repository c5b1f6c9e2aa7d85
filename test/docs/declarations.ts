/** What a user's editor shows of the package: the exports of its entry points, and their members, from the built types. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** One export, or one public member of an exported class, interface or object type. */
export interface Declared {
  /** Such as `troupe: ActorSystem.spawn`. */
  readonly name: string;
  readonly comment: string;
}

/** Entry point to its file of types, as package.json says. */
export function entryPoints(): ReadonlyMap<string, string> {
  const { exports } = JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as {
    exports: Record<string, { types?: string } | string>;
  };
  const found = new Map<string, string>();
  for (const [path, entry] of Object.entries(exports)) {
    if (typeof entry !== 'string' && entry.types !== undefined) found.set(`troupe${path.slice(1)}`, root + entry.types);
  }
  return found;
}

/** Everything that the files export, by the name of their entry point. */
export function declarationsOf(entries: ReadonlyMap<string, string>): readonly Declared[] {
  const program = ts.createProgram([...entries.values()], {
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    target: ts.ScriptTarget.ES2023,
    skipLibCheck: true,
    strict: true,
  });
  const checker = program.getTypeChecker();
  const declared: Declared[] = [];
  for (const [entry, file] of entries) {
    const source = program.getSourceFile(file);
    const module = source === undefined ? undefined : checker.getSymbolAtLocation(source);
    if (module === undefined) throw new Error(`${file} exports nothing; npm run build makes it`);
    for (const exported of checker.getExportsOfModule(module)) {
      const symbol = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported;
      declared.push({ name: `${entry}: ${exported.name}`, comment: commentOf(symbol, checker) });
      for (const member of membersOf(symbol, checker)) {
        declared.push({ name: `${entry}: ${exported.name}.${member.name}`, comment: commentOf(member, checker) });
      }
    }
  }
  return declared;
}

function commentOf(symbol: ts.Symbol, checker: ts.TypeChecker): string {
  const text = ts.displayPartsToString(symbol.getDocumentationComment(checker));
  // `/** @returns … */` alone says what there is to say of some.
  return text === ''
    ? symbol
        .getJsDocTags(checker)
        .map(({ name }) => name)
        .join(' ')
    : text;
}

/** What a user can name on it, wherever in the package it is declared. */
function membersOf(symbol: ts.Symbol, checker: ts.TypeChecker): readonly ts.Symbol[] {
  if (symbol.flags & (ts.SymbolFlags.Class | ts.SymbolFlags.Interface)) {
    return checker.getDeclaredTypeOfSymbol(symbol).getProperties().filter(isForUsers);
  }
  const members: ts.Symbol[] = [];
  for (const declaration of symbol.declarations ?? []) {
    if (!ts.isTypeAliasDeclaration(declaration)) continue;
    const { type } = declaration;
    for (const part of ts.isIntersectionTypeNode(type) ? type.types : [type]) {
      if (ts.isTypeLiteralNode(part))
        members.push(...checker.getTypeAtLocation(part).getProperties().filter(isForUsers));
    }
  }
  return members;
}

/** Of this package, neither private nor for other parts of it, and no protocol of the language such as `Symbol.iterator`. */
function isForUsers(member: ts.Symbol): boolean {
  const declaration = member.declarations?.[0];
  if (declaration === undefined || declaration.getSourceFile().fileName.includes('/node_modules/')) return false;
  const name = ts.getNameOfDeclaration(declaration);
  if (name === undefined || !(ts.isIdentifier(name) || ts.isStringLiteral(name))) return false;
  if (ts.getCombinedModifierFlags(declaration) & ts.ModifierFlags.Private) return false;
  return !ts.getJSDocTags(declaration).some(({ tagName }) => tagName.text === 'internal') && member.name !== 'toString';
}
