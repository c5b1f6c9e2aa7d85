/**
 * Topics: publish and subscribe, typed by the protocol of the listeners.
 *
 * A topic is an actor that takes the same tells as its listeners and passes each to all of them, in its order. A slow
 * listener holds nobody: its own mailbox has the bound and the policy, and what it refuses is a dead letter there.
 */
import * as z from 'zod';
import { UsageError } from '../../base/errors.ts';
import { limits } from '../../base/limits.ts';
import type { ActorDefinition } from '../actor.ts';
import { ActorBehavior } from '../behavior.ts';
import type { Context } from '../context.ts';
import { compiledProtocol, type Operation } from '../operation.ts';
import { Rejected } from '../outcomes.ts';
import {
  type AskOperation,
  ask,
  type Operations,
  type Protocol,
  protocol,
  type Ref,
  type TellOperation,
} from '../protocol.ts';
import { type InternalRef, targetOf } from '../ref.ts';
import { Run } from '../run.ts';
import { refOf } from '../schema/ref-schema.ts';
import type { Target } from '../target.ts';
import { incarnationOf } from '../target.ts';

type Tells = { readonly [name: string]: TellOperation };
type OwnName = 'subscribe' | 'unsubscribe';
type RefSchema<L> = z.ZodType<L, L>;
type Subscriber<L> = z.ZodObject<{ subscriber: RefSchema<L> }>;
type Full = { readonly full: z.ZodObject<{ max: z.ZodInt }> };

/** What a topic takes beside the tells that it passes on. */
export type TopicOperations<LN extends string, O extends Operations> = {
  /** Has every message from then on passed to `subscriber`, until it ends; twice is once. `full` at 65,536. */
  readonly subscribe: AskOperation<Subscriber<Ref<Protocol<LN, O>>>, z.ZodVoid, Full>;
  /** False where it did not subscribe. */
  readonly unsubscribe: AskOperation<Subscriber<Ref<Protocol<LN, O>>>, z.ZodBoolean, {}>;
};
/** The protocol of a topic: the tells of its listeners, and how to subscribe. */
export type TopicProtocol<PN extends string, LN extends string, O extends Operations> = Protocol<
  PN,
  O & TopicOperations<LN, O>
>;

interface Subscription {
  readonly ref: InternalRef;
  readonly target: Target;
}
type State = Map<string, Subscription>;
type Asked = Context<{}, Full, State>;

/**
 * Declares a topic. Its protocol, for `refOf`, is its `protocol`.
 *
 * @param name of the topic, and of its protocol.
 * @param listener The protocol of those who subscribe: tells only, none called `subscribe` or `unsubscribe`.
 * @throws UsageError
 */
export function topic<const PN extends string, LN extends string, O extends Tells>(
  name: PN,
  listener: Protocol<LN, O> & (keyof O & OwnName extends never ? unknown : 'a name of the topic itself'),
): ActorDefinition<TopicProtocol<PN, LN, O>, z.ZodObject<{}>> {
  const { operations } = compiledProtocol(listener);
  for (const { name: operation, kind, label } of operations.values()) {
    if (kind !== 'tell') throw new UsageError(`topic "${name}" passes on tells only, and ${label} is of kind ${kind}`);
    if (operation === 'subscribe' || operation === 'unsubscribe') {
      throw new UsageError(`topic "${name}": ${label} has the name of an operation of the topic itself; rename it`);
    }
  }
  const input: Subscriber<Ref<Protocol<LN, O>>> = z.object({ subscriber: refOf(listener as Protocol<LN, O>) as never });
  const own: TopicOperations<LN, O> = {
    subscribe: ask({ input, output: z.void(), errors: { full: z.object({ max: z.int() }) } }),
    unsubscribe: ask({ input, output: z.boolean() }),
  };
  const spoken = protocol(name, { ...listener.ops, ...own } as never) as unknown as TopicProtocol<PN, LN, O>;
  return new ActorBehavior<TopicProtocol<PN, LN, O>, z.ZodObject<{}>>(spoken, {
    args: z.object({}),
    createState: () => new Map<string, Subscription>(),
    internal: {},
    name,
    uses: [],
    mailbox: {},
    signals: { terminated: (state, { ref }) => void (state as State).delete(incarnationOf(targetOf(ref))) },
    // Who listens must outlast a failure: nobody would subscribe again.
    supervise: { directive: () => 'resume' },
    strategy: undefined,
    reentrant: false,
    idleMs: undefined,
    behaviors: [],
    behaviorHandlers: {},
    handlers: { ...passingOn(operations.values()), subscribe, unsubscribe },
    closure: false,
  });
}

type Pass = (state: State, message: unknown, context: unknown) => void;

function passingOn(operations: Iterable<Operation>): Record<string, Pass> {
  const handlers: Record<string, Pass> = {};
  for (const operation of operations) {
    handlers[operation.name] = (state, message, context) => {
      for (const { target } of state.values()) {
        try {
          target.tell(operation, message);
        } catch {
          // It was valid here, and holds what that one's place cannot be sent: the others get it all the same.
          const { deadLetters } = Run.cellOf(context).host;
          deadLetters.add({
            path: target.path(),
            operation: operation.label,
            reason: 'invalid',
            message,
            target,
            of: operation,
          });
        }
      }
    };
  }
  return handlers;
}

function subscribe(state: State, { subscriber }: { readonly subscriber: InternalRef }, context: Asked): void {
  const target = targetOf(subscriber);
  const incarnation = incarnationOf(target);
  if (state.has(incarnation)) return;
  const max = limits.topicSubscribersMax;
  if (state.size >= max) context.fail('full', { max });
  state.set(incarnation, { ref: subscriber, target });
  try {
    context.watch(subscriber as never);
  } catch (error) {
    state.delete(incarnation);
    // Of its place too many are watched already.
    if (error instanceof Rejected) context.fail('full', { max: limits.watchesPerSessionMax });
    throw error;
  }
}

function unsubscribe(state: State, { subscriber }: { readonly subscriber: InternalRef }, context: Asked): boolean {
  context.unwatch(subscriber as never);
  return state.delete(incarnationOf(targetOf(subscriber)));
}
