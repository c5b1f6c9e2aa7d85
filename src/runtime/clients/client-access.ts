/**
 * What clients may do: nothing, but for operations of protocols that are allowed, to actors that are allowed.
 *
 * Whoever asks for anything else gets one answer for whatever reason, so that nobody finds out what there is.
 */
import { checkKeys, isObject, kindOf } from '../../actors/given.ts';
import { compiledProtocol, type Operation } from '../../actors/operation.ts';
import type { AnyProtocol } from '../../actors/protocol.ts';
import { UsageError } from '../../base/errors.ts';

/** Who a client is, as the program's `authenticate` says. */
export interface ClientIdentity {
  /** Up to 256 characters; a client that links again goes on with what was open where this is the same. For logs, too. */
  readonly id: string;
  /** Whatever else the program knows of it, for `actors` of `allow`. */
  readonly [claim: string]: unknown;
}

/** What `allow` takes. */
export interface AllowOptions<T extends AnyProtocol> {
  /** What may be said. */
  readonly operations: readonly (keyof T['ops'] & string)[];
  /** To whom: names of top-level actors of this node, or a function that says whether this client may reach the one of that name. */
  readonly actors: readonly string[] | ((name: string, who: ClientIdentity) => boolean);
}

/** Some operations of a protocol, to some actors. Made by `allow`. */
export interface ClientAccess {
  /** What they are declared in. */
  readonly protocol: AnyProtocol;
  /** Their names. */
  readonly operations: readonly string[];
  /** Whether this client may reach the actor of that name. */
  reaches(name: string, who: ClientIdentity): boolean;
}

/**
 * Allows clients to say something: `allow(Counter, { operations: ['get'], actors: ['visits'] })`.
 *
 * @throws UsageError for operations that there are not, and for those whose messages, replies or errors name refs: clients
 * hold none.
 */
export function allow<T extends AnyProtocol>(protocol: T, options: AllowOptions<T>): ClientAccess {
  const { name, operations } = compiledProtocol(protocol);
  const where = `allow(${name}, { … })`;
  checkKeys(options, ['operations', 'actors'], where);
  const { operations: allowed, actors } = options;
  if (!Array.isArray(allowed)) throw new UsageError(`${where} needs operations: a list of names`);
  for (const one of allowed as readonly string[]) {
    const operation = operations.get(one);
    if (operation === undefined) throw new UsageError(`${where}: there is no operation ${JSON.stringify(one)}`);
    const types = [operation.input, operation.output, ...operation.errors.values()];
    if (types.some((type) => type?.holdsRefs)) {
      throw new UsageError(`${where}: ${operation.label} names refs, and clients hold none; give it names of actors`);
    }
  }
  if (typeof actors === 'function') {
    return { protocol, operations: allowed, reaches: (actor, who) => actors(actor, who) === true };
  }
  if (!Array.isArray(actors) || actors.some((one) => typeof one !== 'string')) {
    throw new UsageError(`${where} needs actors: names, or (name, who) => boolean`);
  }
  const names = new Set<string>(actors);
  return { protocol, operations: allowed, reaches: (actor) => names.has(actor) };
}

export class ClientRights {
  /** By label. */
  readonly #operations = new Map<string, { readonly operation: Operation; readonly by: ClientAccess[] }>();

  /** @throws UsageError */
  constructor(allowed: readonly ClientAccess[]) {
    for (const access of allowed) {
      if (!isObject(access) || typeof access.reaches !== 'function') {
        throw new UsageError(`clients.allow takes what allow(protocol, { … }) gives; it was given ${kindOf(access)}`);
      }
      const { operations } = compiledProtocol(access.protocol);
      for (const name of access.operations) {
        const operation = operations.get(name)!;
        const known = this.#operations.get(operation.label);
        if (known === undefined) this.#operations.set(operation.label, { operation, by: [access] });
        else known.by.push(access);
      }
    }
  }

  /** The operation, where this client may say it to the actor of that name. */
  find(
    label: unknown,
    actor: unknown,
    who: ClientIdentity,
  ): { operation: Operation; protocol: AnyProtocol } | undefined {
    if (typeof label !== 'string' || typeof actor !== 'string') return undefined;
    // What is found by a name of this node may be an address of another; that is not for clients.
    if (actor.includes('/')) return undefined;
    const known = this.#operations.get(label);
    const access = known?.by.find((one) => says(one, actor, who));
    return access === undefined ? undefined : { operation: known!.operation, protocol: access.protocol };
  }
}

/** A function of the program that throws has allowed nothing. */
function says(access: ClientAccess, actor: string, who: ClientIdentity): boolean {
  try {
    return access.reaches(actor, who);
  } catch {
    return false;
  }
}
