/** Joins at the head of a segment. */
import type { Processor, ProcessorContext, ProcessorSpec } from '../processor.ts';
import { AlwaysJoin } from './always-join.ts';
import { AsOfJoin } from './as-of-join.ts';
import { DuringJoin } from './during-join.ts';
import type { JoinHow, JoinSpec } from './join-spec.ts';
import { WithinJoin } from './within-join.ts';

export function joinProcessor(spec: JoinSpec<unknown>, how: JoinHow): ProcessorSpec {
  return { kind: 'join', text: `${textOf(spec)} ${how}`, make: (context) => makeJoin(spec, how, context) };
}

function makeJoin(spec: JoinSpec<unknown>, how: JoinHow, context: ProcessorContext): Processor {
  switch (spec.kind) {
    case 'during':
      return new DuringJoin(spec, how, context);
    case 'within':
      return new WithinJoin(spec, how, context);
    case 'as-of':
      return new AsOfJoin(spec, how, context);
    case 'always':
      return new AlwaysJoin(spec, how, context);
    default:
      return spec satisfies never;
  }
}

function textOf(spec: JoinSpec<unknown>): string {
  if (spec.kind === 'during') return `during ${Object.values(spec.window).join(' ')}`;
  const given = Object.values(spec).map((value) => (typeof value === 'function' ? 'by the left' : String(value)));
  return given.join(' ');
}
