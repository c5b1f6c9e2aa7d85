/** Errors of flows. Every one ends a run, and names the stage that it comes from. */
import { describeThrown, TroupeError } from '../base/errors.ts';
import type { Key } from '../base/hash-key.ts';
import { isA } from '../base/thrown.ts';

/** What every error of a flow is: it names its place in the flow by itself and needs no stage put around it. */
export abstract class FlowError<Code extends string = string> extends TroupeError<Code> {}

/** Code that the user gave to a stage (an operator, a key, a time, an aggregate, a sink's function) threw. */
export class StageFailed extends FlowError<'StageFailed'> {
  /** The name of the stage. */
  readonly stage: string;
  /** The key whose handler threw, of a process. */
  readonly key: Key | undefined;

  constructor(stage: string, cause: unknown, key?: Key) {
    const at = key === undefined ? '' : ` at key ${keyText(key)}`;
    super('StageFailed', `stage '${stage}' failed${at}: ${describeThrown(cause)}; its code threw, see the cause`, {
      cause,
    });
    this.stage = stage;
    this.key = key;
  }
}

/** A key in the text of an error, where a long one is cut. */
function keyText(key: Key): string {
  return typeof key === 'number' ? String(key) : JSON.stringify(key.length > 100 ? `${key.slice(0, 100)}…` : key);
}

/** An operator let go of an element later than it was pushed, where nothing counts what it holds. */
export class AsyncOperator extends FlowError<'AsyncOperator'> {
  /** The name of the stage. */
  readonly stage: string;

  /** @param operators those of the stage that it is, or that it may be; none where they cannot be seen. */
  constructor(stage: string, what: 'emitted' | 'held' | 'waits', operators: readonly string[] = []) {
    const happened = {
      emitted: 'emitted outside a push: an operator in it waits',
      held: 'did not complete when its input had ended, so it still holds elements: an operator in it waits',
      waits: 'waits',
    }[what];
    const seen =
      operators.length === 0
        ? '(mergeMap with a promise, delay, bufferTime, observeOn, …)'
        : `(${operators.join(', ')})`;
    super(
      'AsyncOperator',
      `stage '${stage}' ${happened} for time or I/O ${seen}, and what it holds is not counted. Import such operators ` +
        `from here, where they have the same names: import { ${importOf(operators)} } from 'troupe/streams/rx'; put ` +
        'meter(…) around an operator of another package',
    );
    this.stage = stage;
  }
}

/** A stage that is declared `durable` has an operator whose state ends with it. */
export class StateNotDurable extends FlowError<'StateNotDurable'> {
  /** The name of the stage. */
  readonly stage: string;

  /** @param operators those of the stage that keep state in closures. */
  constructor(stage: string, operators: readonly string[]) {
    const twins = durableTwins.filter((twin) => operators.some((operator) => operator.split(/[ ,(]+/).includes(twin)));
    const advice =
      twins.length === 0
        ? 'Keep what it remembers in keyed state instead, by process(…) behind keyBy'
        : `Import ${twins.join(', ')} from 'troupe/streams/durable'; what has no twin there is keyed state, by ` +
          'process(…) behind keyBy';
    super(
      'StateNotDurable',
      `stage '${stage}' is durable, and an operator in it keeps its state in a closure, which a failure takes along: ` +
        `${operators.join('; ')}. ${advice}`,
    );
    this.stage = stage;
  }
}

const durableTwins = ['scan', 'distinct', 'bufferCount', 'groupBy'];

/** What a stage keeps and what its operators say about it do not fit, or it cannot be saved. */
export class StateMismatch extends FlowError<'StateMismatch'> {
  /** The name of the stage. */
  readonly stage: string;

  constructor(stage: string, what: string, cause?: unknown) {
    super('StateMismatch', `stage '${stage}': ${what}`, cause === undefined ? {} : { cause });
    this.stage = stage;
  }
}

/** The first word of each: 'mergeMap (or concatMap, …)' is imported as mergeMap. */
function importOf(operators: readonly string[]): string {
  return operators.length === 0 ? 'mergeMap' : operators.map((operator) => operator.split(' ')[0]).join(', ');
}

const overflowAdvice: Record<'collect' | 'quantiles' | 'topN', string> = {
  collect: "Raise max, make the windows smaller, or let it drop what is more: collect(…, { max, overflow: 'drop' })",
  quantiles: 'Raise max, make the windows smaller, or use approxQuantiles, which keeps no elements',
  topN: 'So many tie for the last place; leave ties out, or use a score that tells them apart',
};

/** An aggregate that keeps elements was given more of one key and window than it may keep. */
export class CollectOverflow extends FlowError<'CollectOverflow'> {
  /** How many it keeps. */
  readonly max: number;
  /** The name of the stage. */
  readonly stage: string;

  /** The aggregate that keeps them. */
  readonly by: 'collect' | 'quantiles' | 'topN';

  constructor(max: number, stage = 'window', by: CollectOverflow['by'] = 'collect') {
    super(
      'CollectOverflow',
      `stage '${stage}': ${by} was to keep more than ${max} of one key and window. ${overflowAdvice[by]}`,
    );
    this.max = max;
    this.stage = stage;
    this.by = by;
  }
}

/** A state of a process was given more items or entries of one key than its `max`. */
export class StateOverflow extends FlowError<'StateOverflow'> {
  /** How many a key may have. */
  readonly max: number;
  /** The name of the stage. */
  readonly stage: string;

  constructor(stage: string, state: string, max: number, key: Key) {
    const what = state === 'timers' ? 'timers of different names' : `entries of state '${state}'`;
    const advice =
      state === 'timers'
        ? 'Keep their times in a sorted state, and set one timer for the first of them'
        : 'Raise its max, give it a ttlMs, or let it go of some before; a list may drop its oldest';
    super('StateOverflow', `stage '${stage}' was to keep more than ${max} ${what} at key ${keyText(key)}. ${advice}`);
    this.max = max;
    this.stage = stage;
  }
}

/** The state of a key, its timers, `emit` or `output` were used when no handler of the process was called. */
export class StateOutsideCall extends FlowError<'StateOutsideCall'> {
  /** The name of the stage. */
  readonly stage: string;

  constructor(stage: string) {
    super(
      'StateOutsideCall',
      `what a handler of process '${stage}' was given was used after its call: it is open during the call only. Take what ` +
        'is needed out of it before; await in a stage before the process, by each(…)',
    );
    this.stage = stage;
  }
}

/** An operator would hold more than the limit that it was given. */
export class OperatorOverflow extends FlowError<'OperatorOverflow'> {
  /** The name of the stage. */
  readonly stage: string;

  constructor(
    stage: string,
    operator: string,
    option: string,
    max: number,
    advice = 'Raise the limit if the memory is there, or let elements go sooner',
  ) {
    super('OperatorOverflow', `stage '${stage}': ${operator} reached its limit, ${option}: ${max}. ${advice}`);
    this.stage = stage;
  }
}

/** One element took longer than `each(…)` allows, or made more than it may. */
export class ElementGivenUp extends FlowError<'ElementGivenUp'> {
  /** The name of the stage. */
  readonly stage: string;

  constructor(stage: string, what: string) {
    super('ElementGivenUp', `stage '${stage}' gave an element up: ${what}`, { retryable: true });
    this.stage = stage;
  }
}

/** A source could not be opened or read. */
export class SourceFailed extends FlowError<'SourceFailed'> {
  /**
   * `missing`, `unreadable` or `corrupt`: the file. `schema`: it lacks a column, or has it in another type. `row`: a
   * row does not fit. `position`: it cannot go on from where it was told to. `unreachable`: a server that does not
   * answer, or died in the middle. `refused`: a server that answers something else than was asked for. `address`: a
   * port that cannot be listened on. `failed`: anything else, see the cause.
   */
  readonly reason:
    | 'missing'
    | 'unreadable'
    | 'corrupt'
    | 'schema'
    | 'row'
    | 'position'
    | 'unreachable'
    | 'refused'
    | 'address'
    | 'failed';

  constructor(reason: SourceFailed['reason'], message: string, cause?: unknown) {
    super('SourceFailed', message, { cause, retryable: reason === 'unreachable' });
    this.reason = reason;
  }
}

/** A hot source with `overflow: 'error'` was given more than its capacity holds. */
export class SourceOverflow extends FlowError<'SourceOverflow'> {
  constructor(capacity: number) {
    super(
      'SourceOverflow',
      `the hot source was given an element while ${capacity} were waiting, its capacity. Raise the capacity, make the ` +
        "flow faster, or choose to lose elements: overflow: 'drop-oldest' | 'drop-newest' | 'latest'",
    );
  }
}

/** A sink could not be opened or written. What was written before is left as it is. */
export class SinkFailed extends FlowError<'SinkFailed'> {
  /**
   * `folder-missing`, `forbidden` or `disk`: the file. `value`: an element that cannot be written. `unreachable`: a
   * server that does not answer. `refused`: a server that answers that it will not take it. `address`: a port that
   * cannot be listened on. `failed`: anything else, see the cause.
   */
  readonly reason: 'folder-missing' | 'forbidden' | 'disk' | 'value' | 'unreachable' | 'refused' | 'address' | 'failed';

  constructor(reason: SinkFailed['reason'], message: string, cause?: unknown) {
    super('SinkFailed', message, { cause, retryable: reason === 'disk' || reason === 'unreachable' });
    this.reason = reason;
  }
}

/** An edge between two segments lost a frame, carried more than was granted, or cannot carry its elements. */
export class EdgeBroken extends FlowError<'EdgeBroken'> {
  /** @param cause why its elements cannot be carried; they could not the next time either. */
  constructor(message: string, cause?: unknown) {
    const advice = cause === undefined ? '. The run cannot go on without a gap; start it again' : '';
    super('EdgeBroken', `${message}${advice}`, { cause, retryable: cause === undefined });
  }
}

/** The actor of a stage has ended, or its place was lost. What it held is lost with it. */
export class StageLost extends FlowError<'StageLost'> {
  /** The name of the stage. */
  readonly stage: string;

  constructor(stage: string, message: string, cause?: unknown) {
    super('StageLost', message, { cause, retryable: true });
    this.stage = stage;
  }
}

/** A table was given more keys than it may keep. */
export class TableOverflow extends FlowError<'TableOverflow'> {
  /** How many it keeps. */
  readonly max: number;
  /** The name of the stage. */
  readonly stage: string;

  constructor(stage: string, max: number) {
    super(
      'TableOverflow',
      `stage '${stage}' was given more than ${max} keys, which is what an instance may keep. Raise entriesMax, give the ` +
        'table a ttlMs or more partitions, or put fewer keys into it',
    );
    this.max = max;
    this.stage = stage;
  }
}

/** A table cannot be asked now, or any more. */
export class TableUnavailable extends TroupeError<'TableUnavailable'> {
  /**
   * `restarting`: its run begins anew. `ended`: its run has failed, or was closed. `behind`: a partition did not answer
   * in time. `busy`: too many are reading. `gone`: it changed too fast for so long a range. `lost`: a partition cannot
   * be reached, or did not answer; see the cause.
   */
  readonly reason: 'restarting' | 'ended' | 'behind' | 'busy' | 'gone' | 'lost';

  constructor(flow: string, table: string, reason: TableUnavailable['reason'], cause?: unknown) {
    const why = {
      restarting: 'its run begins anew; ask again',
      ended: 'its run has failed or was closed; start the flow again',
      behind: 'one of its partitions did not answer in time; ask again',
      busy: 'too many are reading it; ask again',
      gone: 'it changed too fast to be read as of one time; ask for fewer entries',
      lost: `one of its partitions did not answer: ${describeThrown(cause)}`,
    }[reason];
    super('TableUnavailable', `table '${table}' of flow '${flow}' cannot be read: ${why}`, {
      cause,
      retryable: reason !== 'ended',
    });
    this.reason = reason;
  }
}

/** The run was cancelled before its input had ended. */
export class FlowCancelled extends FlowError<'FlowCancelled'> {
  constructor(flow: string) {
    super('FlowCancelled', `the run of flow '${flow}' was cancelled before its end`);
  }
}

/** Whatever was thrown, as an error of flows: one that is stays, anything else becomes the stage's failure. */
export function asStageFailure(stage: string, thrown: unknown): FlowError {
  return isA(thrown, FlowError) ? thrown : new StageFailed(stage, thrown);
}
