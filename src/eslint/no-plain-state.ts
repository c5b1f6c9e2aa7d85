/**
 * The rule `no-plain-state`: in a stage that is declared `durable: true`, operators that keep state are those of
 * `troupe/streams/durable`. A plain one is refused at the start of the stage; this says so before, of `skip` too, which
 * cannot be seen there.
 */
import type { Rule } from './no-plain-async-operators.ts';

/** What is read of a node of the syntax tree. */
interface SyntaxNode {
  readonly type: string;
  readonly [field: string]: unknown;
}

/** Operators that remember something from one element to the next. */
const stateful: ReadonlySet<string> = new Set([
  ...['buffer', 'bufferCount', 'bufferToggle', 'bufferWhen', 'combineLatestWith', 'connect', 'count', 'defaultIfEmpty'],
  ...['distinct', 'distinctUntilChanged', 'distinctUntilKeyChanged', 'elementAt', 'every', 'find', 'findIndex'],
  ...['first', 'groupBy', 'isEmpty', 'last', 'max', 'mergeScan', 'min', 'pairwise', 'reduce', 'repeat', 'scan'],
  ...['share', 'shareReplay', 'single', 'skip', 'skipLast', 'skipUntil', 'skipWhile', 'switchScan', 'take', 'takeLast'],
  ...['takeUntil', 'takeWhile', 'throwIfEmpty', 'timeInterval', 'toArray', 'window', 'windowCount', 'windowTime'],
  ...['windowToggle', 'windowWhen', 'withLatestFrom', 'zipWith'],
]);
const twins: ReadonlySet<string> = new Set(['bufferCount', 'distinct', 'groupBy', 'scan']);
/** Where operators whose state ends with their subscription come from. */
const plain = /^(rxjs(\/operators)?|troupe\/streams\/rx)$/;

export const noPlainState: Rule = {
  meta: {
    type: 'problem',
    docs: { description: 'keep the state of durable stages in operators of troupe/streams/durable' },
    schema: [],
    messages: {
      twin: "'{{name}}' loses its state when its stage fails, which is durable; import it from 'troupe/streams/durable'",
      none: "'{{name}}' loses its state when its stage fails, which is durable; keep it by process(…) behind keyBy",
    },
  },
  create(context) {
    return {
      Program(program) {
        const imported = importedOf(program.body as readonly object[] as readonly SyntaxNode[]);
        if (imported.size === 0) return;
        const durable = nodesIn(program as object as SyntaxNode, isDurableVia);
        for (const via of durable) {
          for (const call of nodesIn((via.arguments as readonly SyntaxNode[])[1]!, isCall)) {
            const name = operatorOf(call.callee as SyntaxNode, imported);
            if (name === undefined || !stateful.has(name)) continue;
            context.report({ node: call.callee, messageId: twins.has(name) ? 'twin' : 'none', data: { name } });
          }
        }
      },
    };
  },
};

/** The names under which operators are known in a file, and `*` for a namespace. */
function importedOf(body: readonly SyntaxNode[]): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  for (const { type, source, specifiers } of body) {
    if (type !== 'ImportDeclaration' || !plain.test(String((source as { value?: unknown }).value))) continue;
    for (const { local, imported } of specifiers as { local: SyntaxNode; imported?: SyntaxNode }[]) {
      names.set(String(local.name), imported === undefined ? '*' : String(imported.name ?? imported.value));
    }
  }
  return names;
}

/** The name that RxJS gives to what is called. */
function operatorOf(callee: SyntaxNode, imported: ReadonlyMap<string, string>): string | undefined {
  if (callee.type === 'Identifier') return imported.get(String(callee.name));
  if (callee.type !== 'MemberExpression') return undefined;
  const [object, property] = [callee.object as SyntaxNode, callee.property as SyntaxNode];
  return imported.get(String(object.name)) === '*' ? String(property.name) : undefined;
}

function isCall(node: SyntaxNode): boolean {
  return node.type === 'CallExpression';
}

/** `stage.via('name', operators, { …, durable: true })` */
function isDurableVia(node: SyntaxNode): boolean {
  if (!isCall(node)) return false;
  const { property } = node.callee as { property?: SyntaxNode };
  const [, , options] = node.arguments as readonly SyntaxNode[];
  if (property?.name !== 'via' || options?.type !== 'ObjectExpression') return false;
  return (options.properties as readonly SyntaxNode[]).some(({ key, value }) => {
    const [{ name }, { value: given }] = [(key ?? {}) as { name?: unknown }, (value ?? {}) as { value?: unknown }];
    return name === 'durable' && given === true;
  });
}

/** All nodes within one, and itself, that are such. */
function nodesIn(root: SyntaxNode, isSuch: (node: SyntaxNode) => boolean): readonly SyntaxNode[] {
  const found: SyntaxNode[] = [];
  const waiting: unknown[] = [root];
  while (waiting.length > 0) {
    const node = waiting.pop();
    if (typeof node !== 'object' || node === null) continue;
    if (Array.isArray(node)) {
      waiting.push(...node.toReversed());
      continue;
    }
    if (typeof (node as SyntaxNode).type !== 'string') continue;
    if (isSuch(node as SyntaxNode)) found.push(node as SyntaxNode);
    // The way back up would never end.
    const fields = Object.entries(node).filter(([field]) => field !== 'parent');
    waiting.push(...fields.map(([, value]) => value).toReversed());
  }
  return found;
}
