/**
 * Which operators of RxJS a stage is made of, read from a stack trace at its start. For error messages and refusals
 * only: nothing that runs depends on it.
 *
 * A pipeline is subscribed from its end to its start, each operator from within the one behind it, so that whoever is
 * subscribed last has all of them on the stack, each in a file of its own. Frames between the entry of an operator of
 * `troupe/streams` and the subscription of its source are its own affair; they are told apart by their depth. Where
 * RxJS is bundled, or the engine is not V8, no file is found and nothing is said.
 */
import { Observable } from 'rxjs';

/** What RxJS makes of each operator's file; a few are the only trace of several operators. */
const typedFor: { readonly [file: string]: string } = {
  audit: 'audit or auditTime',
  buffer: 'buffer',
  combineLatest: 'combineLatestWith',
  concat: 'concatWith',
  exhaustMap: 'exhaustMap or exhaustAll',
  merge: 'mergeWith',
  mergeMap: 'mergeMap (or concatMap, mergeAll, concatAll, delay, delayWhen, which RxJS makes of it)',
  sample: 'sample or sampleTime',
  scanInternals: 'scan (or reduce, count, min, max, which RxJS makes of it)',
  share: 'share or shareReplay',
  switchMap: 'switchMap or switchAll',
  take: 'take or first',
  takeLast: 'takeLast or last',
  throttle: 'throttle or throttleTime',
  zip: 'zipWith',
};

/**
 * Those that wait for time or for another observable whatever they are given. Some also work where what they are given
 * answers at once, and RxJS does not let these be told apart.
 */
const alwaysLate: ReadonlySet<string> = new Set([
  ...['audit', 'bufferTime', 'debounce', 'debounceTime', 'observeOn', 'sample', 'subscribeOn', 'throttle', 'timeout'],
  'windowTime',
]);

/** Those that are late only where what they subscribe to is. */
const maybeLate: ReadonlySet<string> = new Set([
  ...['buffer', 'bufferToggle', 'bufferWhen', 'catchError', 'combineLatest', 'concat', 'connect', 'distinct'],
  ...['exhaustMap', 'expand', 'groupBy', 'merge', 'mergeMap', 'mergeScan', 'onErrorResumeNextWith', 'raceWith'],
  ...['repeat', 'repeatWhen', 'retry', 'retryWhen', 'sequenceEqual', 'share', 'skipUntil', 'switchMap', 'switchScan'],
  ...['takeUntil', 'window', 'windowToggle', 'windowWhen', 'withLatestFrom', 'zip'],
]);

/** Those that remember something from one element to the next. */
const stateful: ReadonlySet<string> = new Set([
  ...['buffer', 'bufferCount', 'bufferToggle', 'bufferWhen', 'combineLatest', 'connect', 'defaultIfEmpty', 'distinct'],
  ...[
    'distinctUntilChanged',
    'every',
    'find',
    'groupBy',
    'isEmpty',
    'mergeScan',
    'pairwise',
    'repeat',
    'scanInternals',
  ],
  ...['sequenceEqual', 'share', 'single', 'skipLast', 'skipUntil', 'skipWhile', 'switchScan', 'take', 'takeLast'],
  ...['takeUntil', 'takeWhile', 'throwIfEmpty', 'timeInterval', 'toArray', 'window', 'windowCount', 'windowToggle'],
  ...['windowWhen', 'withLatestFrom', 'zip'],
]);

const operatorFile = /[\\/]rxjs[\\/]dist[\\/](?:cjs|esm5|esm)[\\/]internal[\\/]operators[\\/](\w+)\.js$/;
/** Files that are parts of other operators, and what RxJS makes of `mergeMap`. */
const parts: ReadonlySet<string> = new Set(['mergeInternals', 'OperatorSubscriber']);
const madeOfMergeMap: ReadonlySet<string> = new Set(['concat', 'merge', 'startWith']);

export class OperatorNames {
  /** The depths of the stack that belong to operators of `troupe/streams`. */
  readonly #ours: (readonly [from: number, to: number])[] = [];
  readonly #files = new Set<string>();
  readonly #keeping = new Set<string>();

  /**
   * Called where an operator of `troupe/streams` is subscribed; gives the source that it is to subscribe to.
   *
   * @param keeps its name, where it remembers something beside the elements that it holds.
   */
  ours<T>(source: Observable<T>, keeps?: string): Observable<T> {
    if (keeps !== undefined) this.#keeping.add(keeps);
    const from = files()?.length;
    return new Observable<T>((subscriber) => {
      const to = from === undefined ? undefined : files()?.length;
      if (to !== undefined) this.#ours.push([from!, to]);
      try {
        source.subscribe(subscriber);
      } finally {
        if (to !== undefined) this.#ours.pop();
      }
    });
  }

  /** Called where the start of the pipeline is subscribed. */
  note(): void {
    const stack = files();
    if (stack === undefined) return;
    const plain = stack
      .filter(
        (_, index) => !this.#ours.some(([from, to]) => stack.length - index >= from && stack.length - index <= to),
      )
      .flatMap((file) => operatorFile.exec(file)?.[1] ?? [])
      .filter((name) => !parts.has(name));
    for (const [index, name] of plain.entries()) {
      if (name === 'mergeMap' && madeOfMergeMap.has(plain[index + 1] ?? '')) continue;
      if (name === 'scanInternals' && plain[index + 1] === 'toArray') continue;
      this.#files.add(name);
    }
  }

  /** Those that let go later for certain. */
  get late(): readonly string[] {
    return this.#typed(alwaysLate);
  }

  /** Those that may. */
  get maybeLate(): readonly string[] {
    return this.#typed(maybeLate);
  }

  /** Those whose state ends with their subscription. */
  get stateful(): readonly string[] {
    return [...this.#typed(stateful), ...this.#keeping];
  }

  #typed(those: ReadonlySet<string>): readonly string[] {
    return [...this.#files].filter((file) => those.has(file)).map((file) => typedFor[file] ?? file);
  }
}

/** The file of each frame of the stack, the innermost first; undefined where the engine does not say. */
function files(): readonly string[] | undefined {
  const { stackTraceLimit, prepareStackTrace } = Error;
  let found: readonly string[] | undefined;
  try {
    Error.stackTraceLimit = Number.POSITIVE_INFINITY;
    Error.prepareStackTrace = (_error, sites) => {
      found = sites.map((site) => site.getFileName() ?? '');
    };
    // The frames are gathered when it is read.
    void new Error('where').stack;
  } catch {
    // A program may have frozen what is set here.
  }
  restore({ stackTraceLimit, prepareStackTrace });
  return found;
}

function restore({ stackTraceLimit, prepareStackTrace }: Partial<ErrorConstructor>): void {
  try {
    if (stackTraceLimit !== undefined) Error.stackTraceLimit = stackTraceLimit;
    if (prepareStackTrace === undefined) Reflect.deleteProperty(Error, 'prepareStackTrace');
    else Error.prepareStackTrace = prepareStackTrace;
  } catch {
    // Then it was not changed either.
  }
}
