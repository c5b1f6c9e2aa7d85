/**
 * The registry: the one module that maps names to code. Nothing else of the code crosses a thread or a wire.
 *
 * Code is found by kind and name, never by object identity, since loaders and bundlers load a file more than once.
 */
import { UsageError } from '../base/errors.ts';
import { version } from '../base/version.ts';
import type { ActorBehavior } from './behavior.ts';
import { deliveredOperations } from './delivery/delivered-operation.ts';
import { compiledProtocol, type Operation } from './operation.ts';
import type { AnyProtocol } from './protocol.ts';
import type { Resource } from './resource.ts';

/** Anything that a registry can hold. */
export interface Registrable {
  /** What it is; names are unique for each kind. */
  readonly kind: 'actor' | 'flow' | 'resource';
  /** What other places find it by. */
  readonly name: string;
  /** Actors that come with it, such as the stages of a flow. */
  readonly actors?: readonly Registrable[];
}

/** What a place can start, by kind and name. Made by {@link registry}, and the default export of its module. */
export interface Registry<D extends readonly Registrable[] = readonly Registrable[]> {
  /** Marks a registry, also across copies of the package. */
  readonly kind: 'registry';
  /** The version of the package that made it: code of another version does not run with ours. */
  readonly version: string;
  /** What it was made from, in that order. */
  readonly definitions: D;
}

/**
 * Lists what other places may start. Export it as the default of a module of its own.
 *
 * @throws UsageError where two definitions of a kind have one name.
 */
export function registry<const D extends readonly Registrable[]>(...definitions: D): Registry<D> {
  index(definitions);
  return Object.freeze({ kind: 'registry' as const, version, definitions });
}

/** A registry by kind and name. */
export class RegistryIndex {
  readonly #byKey: ReadonlyMap<string, Registrable>;
  #protocols: ReadonlyMap<string, AnyProtocol> | undefined = undefined;

  constructor(given: Registry) {
    if (given?.kind !== 'registry') {
      throw new UsageError(
        'the registry must be what registry(…) returned, or the URL of the module that exports it as its default, such as ' +
          "new URL('./actors.ts', import.meta.url)",
      );
    }
    this.#byKey = index(given.definitions);
  }

  actor(name: string): ActorBehavior | undefined {
    return this.#byKey.get(`actor ${name}`) as ActorBehavior | undefined;
  }

  flow(name: string): Registrable | undefined {
    return this.#byKey.get(`flow ${name}`);
  }

  resource(name: string): Resource<string, unknown> | undefined {
    return this.#byKey.get(`resource ${name}`) as Resource<string, unknown> | undefined;
  }

  /** A protocol that an actor of the registry speaks, or that stands in one of their messages. */
  protocol(name: string): AnyProtocol | undefined {
    this.#protocols ??= protocolsOf(this.actors);
    return this.#protocols.get(name);
  }

  /** What the actors speak, and what the refs in their messages speak. */
  get protocols(): Iterable<AnyProtocol> {
    this.#protocols ??= protocolsOf(this.actors);
    return this.#protocols.values();
  }

  /** A public operation by its label, such as `counter.inc`. */
  operation(label: string): Operation | undefined {
    const protocol = this.protocol(label.slice(0, label.lastIndexOf('.')));
    if (protocol === undefined) return undefined;
    const compiled = compiledProtocol(protocol);
    return compiled.byLabel.get(label) ?? deliveredOperations(compiled).labelled(label);
  }

  get resources(): readonly Resource<string, unknown>[] {
    return [...this.#byKey.values()].filter((one) => one.kind === 'resource') as unknown as Resource<string, unknown>[];
  }

  get actors(): readonly ActorBehavior[] {
    return [...this.#byKey.values()].filter((one) => one.kind === 'actor') as unknown as ActorBehavior[];
  }
}

/** By name: what the actors speak, and what the refs in their messages speak; of two with one name, the nearer. */
function protocolsOf(actors: readonly ActorBehavior[]): ReadonlyMap<string, AnyProtocol> {
  const found = new Map<string, AnyProtocol>();
  let next: AnyProtocol[] = [];
  const add = (protocol: AnyProtocol): void => {
    if (found.has(protocol.name)) return;
    found.set(protocol.name, protocol);
    next.push(protocol);
  };
  const addAll = (protocols: ReadonlySet<object> | undefined): void => {
    for (const protocol of protocols ?? []) add(protocol as AnyProtocol);
  };
  const look = (operations: Iterable<Operation>): void => {
    for (const { input, output, errors } of operations) {
      for (const type of [input, output, ...errors.values()]) addAll(type?.protocols);
    }
  };
  for (const { protocol } of actors) add(protocol);
  for (const { argsType, operations } of actors) {
    addAll(argsType.protocols);
    look(operations.values());
  }
  while (next.length > 0) {
    const nearer = next;
    next = [];
    for (const protocol of nearer) look(compiledProtocol(protocol).operations.values());
  }
  return found;
}

function index(definitions: readonly Registrable[]): ReadonlyMap<string, Registrable> {
  const byKey = new Map<string, Registrable>();
  const add = (one: Registrable): void => {
    if (!['actor', 'flow', 'resource'].includes(one?.kind) || typeof one.name !== 'string') {
      throw new UsageError('registry(…) takes actors, flows and resources; it was given something else');
    }
    const key = `${one.kind} ${one.name}`;
    const known = byKey.get(key);
    if (known === one) return;
    if (known !== undefined)
      throw new UsageError(`the registry holds two definitions of ${key}; give one another name`);
    byKey.set(key, one);
    for (const with_ of one.actors ?? []) add(with_);
  };
  for (const one of definitions) add(one);
  return byKey;
}
