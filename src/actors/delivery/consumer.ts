/**
 * The receiving end of reliable delivery: runs each message of a producer once, in the order of their numbers.
 *
 * A message counts as handled from the moment its handler is called, so a copy of it never runs beside it or after it; what
 * came of it is kept until its producer says that it has the answer. What comes too early is refused, and its producer
 * sends it again behind what was missing. The idea is that of Akka's ConsumerController, without an actor in between.
 */
import { describeThrown, UsageError } from '../../base/errors.ts';
import { limits } from '../../base/limits.ts';
import { cut, isA } from '../../base/thrown.ts';
import { answeredLater } from '../answered-later.ts';
import type { Cell } from '../cell.ts';
import { DeclaredFailureSignal, LeaveSignal } from '../errors.ts';
import { kindOf } from '../given.ts';
import type { HandlerFunction, HandlerTable } from '../handler-tables.ts';
import { isThenable } from '../lifecycle.ts';
import type { Operation } from '../operation.ts';
import { Run } from '../run.ts';
import { apart } from '../schema/errors.ts';
import type { MessageType } from '../schema/message-type.ts';
import { type DeliveredOperation, DeliveryCode, type Numbered } from './delivered-operation.ts';
import type { Deliveries, DeliveryOutcome, ProducerRecord } from './deliveries.ts';

/** What a definition says of it. */
export interface ConsumerBehavior {
  readonly handlers: HandlerTable;
  /** Where it keeps what was delivered; undefined where that is the runtime's to keep. */
  readonly deliveries: ((state: unknown) => unknown) | undefined;
}

/** The one handler of all delivered operations of a definition. */
export function consumerHandler(behavior: ConsumerBehavior): HandlerFunction {
  return (state, message, context) => {
    const run = context as Run;
    const { extension } = Run.cellOf(run);
    extension.consumer ??= new Consumer(Run.cellOf(run), behavior);
    // A tell among them is the farewell of a producer.
    if (run.request === undefined) extension.consumer.forget(state, message as string);
    else return extension.consumer.handle(state, message as Numbered, run);
    return undefined;
  };
}

export class Consumer {
  readonly #cell: Cell;
  readonly #behavior: ConsumerBehavior;
  /** What it remembers, where the definition names no place of its own. */
  own: Deliveries = {};
  /** The one that `#outcomes` was counted in. */
  #counted: Deliveries | undefined = undefined;
  #outcomes = 0;
  /** Messages whose handler was called: one that is handed out again is told by it from a copy. */
  readonly #begun = new WeakSet<Numbered>();

  constructor(cell: Cell, behavior: ConsumerBehavior) {
    this.#cell = cell;
    this.#behavior = behavior;
  }

  handle(state: unknown, message: Numbered, run: Run): unknown {
    const { base } = run.request!.operation as DeliveredOperation;
    const { sequence } = message;
    if (sequence < message.from || sequence - message.from >= limits.deliveryWindowMax) {
      throw refuse(DeliveryCode.failed, `${base.label}: a message with numbers that make no sense`);
    }
    const record = this.#recordOf(state, message);
    const known = record.outcomes[sequence - record.from];
    const isAgain = this.#begun.has(message) && known?.[0] !== 'value' && known?.[0] !== 'declared';
    if (!isAgain) {
      if (sequence > record.next) throw refuse(DeliveryCode.gap);
      if (sequence === record.next) this.#begin(state, record);
      else if (known?.[0] !== 'aside') return this.#answer(known, base);
      this.#begun.add(message);
    }
    return this.#run(state, message, run, record, base);
  }

  /** A producer is over. */
  forget(state: unknown, producer: string): void {
    const deliveries = this.#deliveries(state);
    if (!Object.hasOwn(deliveries, producer)) return;
    this.#outcomes -= deliveries[producer]!.outcomes.length;
    delete deliveries[producer];
  }

  // ── what is remembered ──

  #deliveries(state: unknown): Deliveries {
    const { deliveries } = this.#behavior;
    const found = deliveries === undefined ? this.own : (deliveries(state) as Deliveries);
    if (typeof found !== 'object' || found === null) {
      const text = `${this.#cell.path()}: \`deliveries\` gives ${kindOf(found)}; let the state begin with {} there`;
      throw new UsageError(text);
    }
    if (found !== this.#counted) {
      this.#counted = found;
      this.#outcomes = Object.values(found).reduce((sum, { outcomes }) => sum + outcomes.length, 0);
    }
    return found;
  }

  #recordOf(state: unknown, { producer, from }: Numbered): ProducerRecord {
    const deliveries = this.#deliveries(state);
    const nowMs = this.#cell.host.environment.clock.now();
    let record = Object.hasOwn(deliveries, producer) ? deliveries[producer]! : undefined;
    if (record === undefined) {
      if (Object.keys(deliveries).length >= limits.deliveryProducersMax) this.#makeRoom(deliveries, nowMs);
      // What it had before is unknown here, or has gone with an earlier state.
      record = { next: from, from, heardMs: nowMs, outcomes: [] };
      deliveries[producer] = record;
    }
    record.heardMs = nowMs;
    if (from > record.from) {
      this.#outcomes -= record.outcomes.splice(0, from - record.from).length;
      record.from = from;
      record.next = Math.max(record.next, from);
    }
    return record;
  }

  #begin(state: unknown, record: ProducerRecord): void {
    if (this.#outcomes >= limits.deliveryOutcomesMax) this.#makeRoom(this.#deliveries(state), record.heardMs);
    record.outcomes.push(['begun']);
    record.next += 1;
    this.#outcomes += 1;
  }

  /** Forgets the producer that was silent for longest; throws where all have been heard of lately. */
  #makeRoom(deliveries: Deliveries, nowMs: number): void {
    let oldest: string | undefined;
    for (const [producer, { heardMs }] of Object.entries(deliveries)) {
      if (oldest === undefined || heardMs < deliveries[oldest]!.heardMs) oldest = producer;
    }
    if (oldest === undefined || nowMs - deliveries[oldest]!.heardMs < limits.deliveryForgetMs) {
      throw refuse(DeliveryCode.full);
    }
    this.#outcomes -= deliveries[oldest]!.outcomes.length;
    delete deliveries[oldest];
  }

  // ── running, and what comes of it ──

  #run(state: unknown, { sequence, message }: Numbered, run: Run, record: ProducerRecord, base: Operation): unknown {
    const note = (outcome: DeliveryOutcome): void => {
      const at = sequence - record.from;
      // What ran on after a restart says nothing of the new state.
      if (at >= 0 && at < record.outcomes.length && !run.isStale) record.outcomes[at] = outcome;
    };
    let result: unknown;
    try {
      result = this.#behavior.handlers[base.index]!(state, message, run);
    } catch (error) {
      note(this.#failure(error, base));
      throw error;
    }
    if (result === answeredLater) return result;
    if (result === undefined || result === null || !isThenable(result)) {
      note(this.#value(result, base));
      return result;
    }
    return result.then(
      (value: unknown) => {
        note(this.#value(value, base));
        return value;
      },
      (error: unknown) => {
        note(this.#failure(error, base));
        throw error;
      },
    );
  }

  #value(value: unknown, { kind, output }: Operation): DeliveryOutcome {
    if (kind !== 'ask') return ['value', null];
    try {
      return ['value', this.#kept(output!, value)];
    } catch (error) {
      // It does not fit its operation: the actor is about to fail with it.
      return ['failed', textOf(error)];
    }
  }

  #failure(error: unknown, { errors, label }: Operation): DeliveryOutcome {
    if (isA(error, LeaveSignal)) {
      return error.how === 'stash' ? ['aside'] : ['failed', `${label} was not handled in the state of its actor`];
    }
    if (!DeclaredFailureSignal.is(error)) return ['failed', textOf(error)];
    const { errorCode, data } = error;
    const type = errors.get(errorCode);
    try {
      if (type !== undefined) return ['declared', errorCode, this.#kept(type, data)];
    } catch {
      // It does not fit either: a failure like any other.
    }
    return ['failed', `${label}: ctx.fail("${errorCode}") with what the operation does not declare`];
  }

  /** A copy in wire form: the reply itself may be a part of the state. */
  #kept(type: MessageType, value: unknown): unknown {
    try {
      return type.toWire(type.take(value, this.#cell, true), true);
    } catch (thrown) {
      if (thrown !== apart) throw thrown;
      return type.named.wireParcel(type.parse(value), { keeps: true, counters: undefined }).deliver();
    }
  }

  /** What a copy of a message is answered with. */
  #answer(outcome: DeliveryOutcome | undefined, { output, errors, label }: Operation): unknown {
    const { host } = this.#cell;
    switch (outcome?.[0]) {
      case 'value':
        return output === undefined ? undefined : host.fromWire(output, outcome[1], this.#cell);
      case 'declared': {
        const type = errors.get(outcome[1]);
        throw refuse(outcome[1], type === undefined ? undefined : host.fromWire(type, outcome[2], this.#cell));
      }
      case 'failed':
        throw refuse(DeliveryCode.failed, outcome[1]);
      case 'begun':
      case 'aside':
        throw refuse(DeliveryCode.failed, `${label}: its actor was restarted while it was handled`);
      case undefined:
        // Its producer has the answer: this is a copy that came late, and nobody waits for it.
        throw refuse(DeliveryCode.failed, `${label}: it was answered before`);
      default:
        return outcome satisfies never;
    }
  }
}

function refuse(code: string, data?: unknown): DeclaredFailureSignal {
  return new DeclaredFailureSignal(code, data);
}

function textOf(error: unknown): string {
  return cut(describeThrown(error), limits.deliveryFailureCharactersMax);
}
