/** Reads sources by their syntax tree and reports where they break the rules of the house. */
import { posix } from 'node:path';
import ts from 'typescript';

/** A source: its path below `src/`, with `/`, and its text. */
export interface Source {
  readonly path: string;
  readonly text: string;
}

export interface Violation {
  readonly path: string;
  readonly rule: 'floor' | 'package' | 'global' | 'default-export' | 'export-star' | 'cycle';
  readonly what: string;
}

export interface Rules {
  /** Folder, or file at the top, to its floor. An import points to a lower floor, or stays in its folder. */
  readonly floors: Readonly<Record<string, number>>;
  /** Package to the paths that may import it; packages that are not named may be imported nowhere. */
  readonly packages: Readonly<Record<string, RegExp>>;
  /** Paths that may have a default export: registry modules, which are found by it. */
  readonly registries: RegExp;
  /** Paths that may use the clock, chance and timers of the machine. */
  readonly globals: RegExp;
}

interface Import {
  readonly from: string;
  /** False where nothing is left of it at run time. */
  readonly value: boolean;
}

const timers = ['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask'];
const chance = ['randomUUID', 'randomBytes', 'randomFillSync', 'getRandomValues'];
const members: Readonly<Record<string, readonly string[]>> = {
  Date: ['now'],
  Math: ['random'],
  performance: ['now', 'timeOrigin'],
  process: ['hrtime', 'nextTick', 'uptime'],
  AbortSignal: ['timeout'],
};

/** Every violation in `sources`, in their order. */
export function violations(sources: readonly Source[], rules: Rules): readonly Violation[] {
  const found: Violation[] = [];
  const graph = new Map<string, readonly string[]>();
  for (const { path, text } of sources) {
    const tree = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
    const report = (rule: Violation['rule'], what: string): void => {
      if (rule === 'default-export' && rules.registries.test(path)) return;
      found.push({ path, rule, what });
    };
    const imports = readImports(tree, report);
    for (const one of imports) checkImport(path, one.from, rules, report);
    graph.set(
      path,
      imports.filter((one) => one.value && one.from.startsWith('.')).map((one) => resolve(path, one.from)),
    );
    if (!rules.globals.test(path)) checkGlobals(tree, report);
  }
  for (const cycle of cycles(graph)) found.push({ path: cycle[0]!, rule: 'cycle', what: cycle.join(' → ') });
  return found;
}

type Report = (rule: Violation['rule'], what: string) => void;

/** Imports and re-exports of a source, dynamic ones included; what it exports is checked on the way. */
function readImports(tree: ts.SourceFile, report: Report): readonly Import[] {
  const imports: Import[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node) && ts.isStringLiteral(node.moduleSpecifier)) {
      // `import { type A }` leaves an import behind under verbatimModuleSyntax, and `import type` does not.
      imports.push({
        from: node.moduleSpecifier.text,
        value: node.importClause?.phaseModifier !== ts.SyntaxKind.TypeKeyword,
      });
    }
    if (ts.isExportDeclaration(node)) {
      if (node.exportClause === undefined || ts.isNamespaceExport(node.exportClause))
        report('export-star', node.getText(tree));
      else if (node.exportClause.elements.some((element) => element.name.text === 'default'))
        report('default-export', node.getText(tree));
      if (node.moduleSpecifier !== undefined && ts.isStringLiteral(node.moduleSpecifier)) {
        imports.push({ from: node.moduleSpecifier.text, value: !node.isTypeOnly });
      }
    }
    if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      const [from] = node.arguments;
      // A dynamic import runs later, so it closes no cycle.
      if (from !== undefined && ts.isStringLiteral(from)) imports.push({ from: from.text, value: false });
    }
    if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument) && ts.isStringLiteral(node.argument.literal)) {
      imports.push({ from: node.argument.literal.text, value: false });
    }
    if (ts.isExportAssignment(node)) report('default-export', node.getText(tree));
    if (ts.canHaveModifiers(node) && ts.getModifiers(node)?.some((one) => one.kind === ts.SyntaxKind.DefaultKeyword)) {
      report('default-export', node.getText(tree).slice(0, 60));
    }
    ts.forEachChild(node, visit);
  };
  visit(tree);
  return imports;
}

function checkImport(path: string, from: string, rules: Rules, report: Report): void {
  if (from.startsWith('.')) {
    const own = topOf(path);
    const target = topOf(resolve(path, from));
    if (own === target) return;
    const ownFloor = rules.floors[own];
    const targetFloor = rules.floors[target];
    if (ownFloor === undefined) report('floor', `${own} stands on no floor`);
    else if (targetFloor === undefined) report('floor', `${target} stands on no floor`);
    else if (targetFloor >= ownFloor)
      report('floor', `${own} (floor ${ownFloor}) imports ${target} (floor ${targetFloor})`);
    return;
  }
  if (from.startsWith('node:') && !(from in rules.packages)) return;
  const name = from in rules.packages ? from : packageOf(from);
  if (rules.packages[name]?.test(path) !== true) report('package', from);
}

function checkGlobals(tree: ts.SourceFile, report: Report): void {
  const visit = (node: ts.Node): void => {
    if (ts.isTypeNode(node)) return;
    if (ts.isIdentifier(node) && (timers.includes(node.text) || chance.includes(node.text)) && !isOwnName(node)) {
      report('global', node.text);
    }
    if (ts.isPropertyAccessExpression(node)) {
      const object = nameOf(node.expression);
      if (object !== undefined && members[object]?.includes(node.name.text))
        report('global', `${object}.${node.name.text}`);
    }
    if (ts.isNewExpression(node) && nameOf(node.expression) === 'Date' && (node.arguments?.length ?? 0) === 0) {
      report('global', 'new Date()');
    }
    ts.forEachChild(node, visit);
  };
  visit(tree);
}

/** True where an identifier names a member of something of one's own, and not the global. */
function isOwnName(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent) && parent.name === node) {
    return !['globalThis', 'crypto'].includes(nameOf(parent.expression) ?? '');
  }
  return (
    (ts.isPropertyAssignment(parent) ||
      ts.isMethodDeclaration(parent) ||
      ts.isMethodSignature(parent) ||
      ts.isPropertySignature(parent)) &&
    parent.name === node
  );
}

/** `Date` for both `Date` and `globalThis.Date`. */
function nameOf(expression: ts.Expression): string | undefined {
  if (ts.isIdentifier(expression)) return expression.text;
  if (ts.isPropertyAccessExpression(expression) && nameOf(expression.expression) === 'globalThis')
    return expression.name.text;
  return undefined;
}

/** One path through each group of sources that import each other. */
function cycles(graph: ReadonlyMap<string, readonly string[]>): readonly string[][] {
  const found: string[][] = [];
  const done = new Set<string>();
  const walk = (path: string, above: readonly string[]): void => {
    const at = above.indexOf(path);
    if (at >= 0) {
      found.push([...above.slice(at), path]);
      return;
    }
    if (done.has(path)) return;
    for (const next of graph.get(path) ?? []) walk(next, [...above, path]);
    done.add(path);
  };
  for (const path of graph.keys()) walk(path, []);
  return found;
}

function topOf(path: string): string {
  return path.split('/')[0] ?? path;
}

function resolve(path: string, from: string): string {
  return posix.normalize(posix.join(posix.dirname(path), from));
}

function packageOf(from: string): string {
  const parts = from.split('/');
  return from.startsWith('@') ? parts.slice(0, 2).join('/') : parts[0]!;
}
