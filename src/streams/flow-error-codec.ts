/** Errors of flows between places: what a program may switch on, and the text; the cause goes along as text. */
import { describeThrown, TroupeError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import {
  AsyncOperator,
  EdgeBroken,
  type FlowError,
  SinkFailed,
  SourceFailed,
  SourceOverflow,
  StageFailed,
  StageLost,
} from './errors.ts';

export interface FlowErrorWire {
  readonly code: string;
  readonly message: string;
  readonly stage?: string | undefined;
  readonly reason?: string | undefined;
  /** The stack of what was thrown, else its description. */
  readonly cause?: string | undefined;
}

export function flowErrorToWire(error: unknown): FlowErrorWire {
  const { stage, reason } = error as { readonly stage?: string; readonly reason?: string };
  const cause = error instanceof Error ? error.cause : error;
  const code = error instanceof TroupeError ? error.code : 'StageFailed';
  return {
    code,
    message: cut(error instanceof Error ? error.message : describeThrown(error)),
    ...(stage === undefined ? {} : { stage }),
    ...(reason === undefined ? {} : { reason }),
    ...(cause === undefined
      ? {}
      : { cause: cut(cause instanceof Error ? (cause.stack ?? describeThrown(cause)) : describeThrown(cause)) }),
  };
}

/** The error that the wire form stands for, with the message that it had where it was thrown. */
export function flowErrorFromWire(wire: FlowErrorWire): FlowError {
  const cause = wire.cause === undefined ? undefined : new TroupeError('RemoteError', wire.cause);
  const error = bare(wire, cause);
  error.message = wire.message;
  return error;
}

function bare({ code, message, stage, reason }: FlowErrorWire, cause: unknown): FlowError {
  switch (code) {
    case 'AsyncOperator':
      return new AsyncOperator(stage ?? 'unknown', 'emitted');
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
    default:
      return new StageFailed(stage ?? 'unknown', cause);
  }
}

function cut(text: string): string {
  return text.length > limits.errorTextCharactersMax ? `${text.slice(0, limits.errorTextCharactersMax)}…` : text;
}
