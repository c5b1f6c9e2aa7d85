/**
 * The rule `no-plain-async-operators`: in a file with flows, operators that let go of elements later are imported from
 * `troupe/streams/rx`, where they count what they hold. A plain one fails its stage at run time; this says so before.
 */

/** What ESLint asks of a rule, as far as this one goes. */
export interface Rule {
  readonly meta: object;
  create(context: RuleContext): { Program(program: { readonly body: readonly Statement[] }): void };
}

interface RuleContext {
  readonly sourceCode: { getText(node: object): string };
  report(problem: object): void;
}

interface Statement {
  readonly type: string;
  readonly source?: { readonly value?: unknown } | null;
  readonly importKind?: string;
  readonly specifiers?: readonly Specifier[];
}

interface Specifier {
  readonly type: string;
  readonly importKind?: string;
  readonly imported?: { readonly name?: string; readonly value?: string };
}

interface Fixer {
  replaceText(node: object, text: string): object;
}

/** Operators of RxJS that emit later, or subscribe to what may, or keep elements without a bound. */
const meteredOperators: ReadonlySet<string> = new Set([
  ...['audit', 'auditTime', 'buffer', 'bufferCount', 'bufferTime', 'bufferToggle', 'bufferWhen', 'catchError'],
  'combineLatestWith',
  ...['concatAll', 'concatMap', 'concatMapTo', 'concatWith', 'debounce', 'debounceTime', 'delay', 'delayWhen'],
  ...['distinct', 'exhaustAll', 'exhaustMap', 'expand', 'flatMap', 'groupBy', 'interval', 'mergeAll', 'mergeMap'],
  ...['mergeMapTo', 'mergeScan', 'mergeWith', 'observeOn', 'onErrorResumeNextWith', 'raceWith', 'repeat', 'retry'],
  ...['sample', 'sampleTime', 'shareReplay', 'skipUntil', 'subscribeOn', 'switchAll', 'switchMap', 'switchMapTo'],
  ...['switchScan', 'takeUntil', 'throttle', 'throttleTime', 'timeInterval', 'timeout', 'timeoutWith', 'timer'],
  ...['timestamp', 'toArray', 'window', 'windowCount', 'windowTime', 'windowToggle', 'windowWhen', 'withLatestFrom'],
  'zipWith',
]);

const plain = /^rxjs(\/operators)?$/;
const metered = 'troupe/streams/rx';

export const noPlainAsyncOperators: Rule = {
  meta: {
    type: 'problem',
    docs: { description: 'import operators that let go later from troupe/streams/rx in files with flows' },
    fixable: 'code',
    schema: [],
    messages: {
      plain: "'{{name}}' of RxJS holds elements that a flow does not count; import it from '{{metered}}'",
    },
  },
  create(context) {
    return {
      Program({ body }) {
        const imports = body.filter(({ type }) => type === 'ImportDeclaration');
        if (!imports.some(({ source }) => /^troupe\/streams(\/|$)/.test(String(source?.value)))) return;
        for (const statement of imports) {
          if (plain.test(String(statement.source?.value)) && statement.importKind !== 'type') check(statement, context);
        }
      },
    };
  },
};

/** One report for each name; the first one's fix moves all of them, since they share a statement. */
function check(statement: Statement, context: RuleContext): void {
  const specifiers = statement.specifiers ?? [];
  const wrong = specifiers.filter(isMetered);
  wrong.forEach((specifier, index) => {
    context.report({
      node: specifier,
      messageId: 'plain',
      data: { name: nameOf(specifier), metered },
      ...(index === 0 && { fix: (fixer: Fixer) => fixer.replaceText(statement, fixed(statement, wrong, context)) }),
    });
  });
}

function fixed(statement: Statement, wrong: readonly Specifier[], { sourceCode }: RuleContext): string {
  const list = (some: readonly Specifier[]): string => some.map((one) => sourceCode.getText(one)).join(', ');
  const text = sourceCode.getText(statement);
  const quote = text.includes('"') ? '"' : "'";
  const end = text.endsWith(';') ? ';' : '';
  const moved = `import { ${list(wrong)} } from ${quote}${metered}${quote}${end}`;
  const kept = (statement.specifiers ?? []).filter((specifier) => !wrong.includes(specifier));
  if (kept.length === 0) return moved;
  return `import { ${list(kept)} } from ${quote}${String(statement.source?.value)}${quote}${end}\n${moved}`;
}

function isMetered(specifier: Specifier): boolean {
  return (
    specifier.type === 'ImportSpecifier' && specifier.importKind !== 'type' && meteredOperators.has(nameOf(specifier))
  );
}

function nameOf({ imported }: Specifier): string {
  return imported?.name ?? imported?.value ?? '';
}
