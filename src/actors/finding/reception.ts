/**
 * The receptionist of a node: an actor of its main place, under a number that every place of the node knows.
 *
 * It holds addresses and no refs, so it needs to know no protocol but its own. What it is asked comes as messages, from
 * worker threads too; `receptionist.ts` is how it is used.
 */
import * as z from 'zod';
import { limits } from '../../base/limits.ts';
import { isA } from '../../base/thrown.ts';
import { ActorBehavior } from '../behavior.ts';
import type { Context } from '../context.ts';
import type { Host } from '../host.ts';
import { DeclaredError } from '../outcomes.ts';
import type { AnyProtocol, Ref } from '../protocol.ts';
import { refClassOf } from '../ref.ts';
import { Run } from '../run.ts';
import { refToWire, type SendableRef } from '../schema/ref-rules.ts';
import type { WireAddress } from './address.ts';
import { isRefusal, type Listing, Listings, type Refusal } from './listings.ts';
import {
  Reception,
  type ReceptionProtocol,
  receptionCell,
  receptionName,
  sendable,
  type Unfound,
} from './reception-protocol.ts';

interface Question {
  readonly name: string;
  readonly protocol: string;
}
interface Entry extends Question {
  readonly address: WireAddress;
}
interface NodeQuestion extends Question {
  readonly node: string;
}
type Looking = Context<{}, { notFound: z.ZodType<Unfound, Unfound> }, ReceptionState>;
type Asked = Context<{}, { refused: z.ZodType<Refusal, Refusal> }, ReceptionState>;

/** Its state, whose methods are its handlers. */
class ReceptionState {
  readonly #host: Host;
  readonly #keys: Listings;
  /** Names of top-level actors on other threads; those of this place are the host's to know. */
  readonly #names: Listings;

  constructor(context: unknown) {
    this.#host = Run.cellOf(context).host;
    const { self } = context as Context<typeof Reception.ops>;
    this.#keys = new Listings('service key', () => void self.changed());
    this.#names = new Listings('name', () => void self.changed());
  }

  register({ name, protocol, address }: Entry, context: Asked): void {
    answer(this.#keys.add(name, protocol, address, this.#host.targetAt(address, protocol)), context);
  }

  unregister({ name, protocol, address }: Entry): boolean {
    return this.#keys.remove(name, this.#host.targetAt(address, protocol));
  }

  find({ name, protocol }: Question, context: Asked): WireAddress[] {
    return [...answer(this.#keys.find(name, protocol), context)];
  }

  async *listings({ name, protocol }: Question, context: Asked): AsyncGenerator<WireAddress[]> {
    for await (const found of context.observe(() => this.#keys.find(name, protocol))) {
      yield [...answer(found, context)];
    }
  }

  nameElsewhere({ name, protocol, address }: Entry): void {
    // A name that is not to be had is a name that is not found: its actor runs all the same.
    this.#names.add(name, protocol, address, this.#host.targetAt(address, protocol));
  }

  named({ name, protocol }: Question, context: Asked): [string, number, string] | null {
    const cell = this.#host.named(name);
    if (cell === undefined) {
      const [first] = answer(this.#names.find(name, protocol), context);
      return first === undefined ? null : sendable(first);
    }
    if (cell.protocolName !== protocol) {
      const text = `${cell.path()} speaks "${cell.protocolName}", not "${protocol}"`;
      return answer({ reason: 'protocol', text }, context) as never;
    }
    const ref = new cell.behavior.refClass(cell, this.#host.outside) as SendableRef;
    return ref[refToWire]() as [string, number, string];
  }

  /** As `named`, on a node that is found by its id or its name. */
  async lookUp({ node, name, protocol }: NodeQuestion, context: Looking): Promise<WireAddress | null> {
    const host = this.#host;
    try {
      const nodeId = await host.locate(node);
      const place = `${nodeId}/main`;
      const target =
        place === host.placeId
          ? host.reception
          : host.targetAt([place, receptionCell, `/${receptionName}`], receptionName);
      const there = new (refClassOf(Reception))(target, host.outside) as unknown as Ref<ReceptionProtocol>;
      return await there.named({ name, protocol }, { timeoutMs: limits.controlTimeoutMs });
    } catch (error) {
      return notFound(context, error);
    }
  }

  changed(): void {
    // That it was told is all: observers look after each message.
  }

  close(): void {
    this.#keys.close();
    this.#names.close();
  }
}

function notFound(context: Looking, error: unknown): never {
  const fail = context.fail as (code: string, data: Unfound) => never;
  if (isA(error, DeclaredError)) return fail('notFound', { reason: 'unknown', text: (error.data as Refusal).text });
  return fail('notFound', { reason: 'unreachable', text: (error as Error).message });
}

function answer<T extends Listing | undefined>(result: T | Refusal, context: Asked): T {
  if (isRefusal(result)) return (context.fail as (code: string, data: Refusal) => never)('refused', result);
  return result as T;
}

export const reception: ActorBehavior = new ActorBehavior<AnyProtocol>(Reception, {
  args: z.object({}),
  createState: (_args, context) => new ReceptionState(context),
  internal: {},
  name: receptionName,
  uses: [],
  mailbox: {},
  signals: { stopping: (state) => (state as ReceptionState).close() },
  // What it knows must outlast a failure of its own: nobody would register again.
  supervise: { directive: () => 'resume' },
  strategy: undefined,
  reentrant: false,
  idleMs: undefined,
  behaviors: [],
  behaviorHandlers: {},
  handlers: {},
  closure: true,
});
