/** Errors of flows between places: what a program may switch on, and the text; the cause goes along as text. */
import { describeThrown, TroupeError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { factsOf, isA, propertyOf, stackOf } from '../base/thrown.ts';
import {
  AsyncOperator,
  CollectOverflow,
  EdgeBroken,
  ElementGivenUp,
  type FlowError,
  OperatorOverflow,
  SinkFailed,
  SourceFailed,
  SourceOverflow,
  StageFailed,
  StageLost,
  StateMismatch,
  StateNotDurable,
  StateOutsideCall,
  StateOverflow,
  TableOverflow,
} from './errors.ts';

export interface FlowErrorWire {
  readonly code: string;
  readonly message: string;
  readonly stage?: string | undefined;
  readonly reason?: string | undefined;
  /** The key whose handler threw. */
  readonly key?: string | number | undefined;
  /** How many elements an aggregate, the state of a key or a table keeps. */
  readonly max?: number | undefined;
  /** Which aggregate. */
  readonly by?: CollectOverflow['by'] | undefined;
  /** The stack of what was thrown, else its description. */
  readonly cause?: string | undefined;
}

export function flowErrorToWire(error: unknown): FlowErrorWire {
  const [stage, reason, max] = [propertyOf(error, 'stage'), propertyOf(error, 'reason'), propertyOf(error, 'max')];
  const key = propertyOf(error, 'key');
  const cause = isA(error, Error) ? factsOf(error).cause : error;
  return {
    code: isA(error, TroupeError) ? error.code : 'StageFailed',
    message: isA(error, Error) ? factsOf(error, limits.errorTextCharactersMax).message : describeThrown(error),
    ...(typeof stage === 'string' ? { stage } : {}),
    ...(typeof reason === 'string' ? { reason } : {}),
    ...(typeof max === 'number' ? { max } : {}),
    ...(isA(error, CollectOverflow) ? { by: error.by } : {}),
    ...(typeof key === 'number' || typeof key === 'string' ? { key } : {}),
    ...(cause === undefined ? {} : { cause: stackOf(cause) ?? describeThrown(cause) }),
  };
}

/** The error that the wire form stands for, with the message that it had where it was thrown. */
export function flowErrorFromWire(wire: FlowErrorWire): FlowError {
  const cause = wire.cause === undefined ? undefined : new TroupeError('RemoteError', wire.cause);
  const error = bare(wire, cause);
  error.message = wire.message;
  return error;
}

function bare({ code, message, stage, reason, max, by, key }: FlowErrorWire, cause: unknown): FlowError {
  switch (code) {
    case 'AsyncOperator':
      return new AsyncOperator(stage ?? 'unknown', 'emitted');
    case 'CollectOverflow':
      return new CollectOverflow(max ?? 0, stage, by);
    case 'OperatorOverflow':
      return new OperatorOverflow(stage ?? 'unknown', '', '', 0);
    case 'ElementGivenUp':
      return new ElementGivenUp(stage ?? 'unknown', message);
    case 'SourceFailed':
      return new SourceFailed((reason ?? 'failed') as SourceFailed['reason'], message, cause);
    case 'SourceOverflow':
      return new SourceOverflow(0);
    case 'SinkFailed':
      return new SinkFailed((reason ?? 'failed') as SinkFailed['reason'], message, cause);
    case 'EdgeBroken':
      return new EdgeBroken(message, cause);
    case 'StageLost':
      return new StageLost(stage ?? 'unknown', message, cause);
    case 'StateMismatch':
      return new StateMismatch(stage ?? 'unknown', message, cause);
    case 'StateNotDurable':
      return new StateNotDurable(stage ?? 'unknown', []);
    case 'StateOverflow':
      return new StateOverflow(stage ?? 'unknown', '', max ?? 0, '');
    case 'StateOutsideCall':
      return new StateOutsideCall(stage ?? 'unknown');
    case 'TableOverflow':
      return new TableOverflow(stage ?? 'unknown', max ?? 0);
    default:
      return new StageFailed(stage ?? 'unknown', cause, key);
  }
}
