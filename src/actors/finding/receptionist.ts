/**
 * Finding actors: by a typed key that they registered under, or by their name.
 *
 * One receptionist serves a node, all its threads included. Akka Typed's Receptionist is the source of the idea.
 */

import { UsageError } from '../../base/errors.ts';
import { limits } from '../../base/limits.ts';
import { isA } from '../../base/thrown.ts';
import { LookupFailed } from '../errors.ts';
import type { Host } from '../host.ts';
import { compiledProtocol } from '../operation.ts';
import { DeclaredError, NotDelivered, type StreamFailure } from '../outcomes.ts';
import type { AnyProtocol, Ref, Stream } from '../protocol.ts';
import { isRef, refClassOf } from '../ref.ts';
import type { SendableRef } from '../schema/ref-rules.ts';
import { streamOf } from '../stream-reader.ts';
import type { Owner } from '../target.ts';
import { type ActorAddress, isActorAddress, parseActorAddress } from './actor-address.ts';
import { addressOf, type WireAddress } from './address.ts';
import type { Refusal } from './listings.ts';
import { Reception, type ReceptionProtocol, type Unfound } from './reception-protocol.ts';
import type { ServiceKey } from './service-key.ts';

/**
 * Registers actors and finds them, on the whole node. Refs that it gives belong to whoever asked.
 *
 * Every promise rejects with `LookupFailed`, or as an ask does where the receptionist cannot be reached.
 */
export class Receptionist {
  readonly #host: Host;
  readonly #owner: Owner;

  /** @internal Use `ctx.receptionist` or `system.receptionist`. */
  constructor(host: Host, owner: Owner) {
    this.#host = host;
    this.#owner = owner;
  }

  /**
   * Registers an actor under a key, beside others; again does nothing. It is taken out when it ends or its place is lost.
   *
   * @throws LookupFailed `protocol` where the key stands for another protocol, `full` at 65,536 keys in use, or 1,024
   * actors under one
   */
  async register<T extends AnyProtocol>(key: ServiceKey<T>, ref: Ref<NoInfer<T>>): Promise<void> {
    await asLookup(this.#reception.register({ ...asked(key), address: addressOf(sendable(ref)) }));
  }

  /** Takes an actor out. @returns false where it was not registered under that key */
  unregister<T extends AnyProtocol>(key: ServiceKey<T>, ref: Ref<NoInfer<T>>): Promise<boolean> {
    return asLookup(this.#reception.unregister({ ...asked(key), address: addressOf(sendable(ref)) }));
  }

  /** Those registered under a key now, oldest first. @throws LookupFailed `protocol` */
  async find<T extends AnyProtocol>(key: ServiceKey<T>): Promise<readonly Ref<T>[]> {
    return this.#refs(await asLookup(this.#reception.find(asked(key))), key.protocol);
  }

  /**
   * Those registered under a key: now, and again after each change. Latest wins: a reader that is slow misses what was
   * between. At most 1,024 subscriptions of a node are open at once; one more ends as `Rejected`.
   *
   * The stream fails with `LookupFailed` `protocol` once the key stands for another protocol.
   */
  subscribe<T extends AnyProtocol>(key: ServiceKey<T>, options?: { signal?: AbortSignal }): Stream<readonly Ref<T>[]> {
    return streamOf<readonly Ref<T>[]>((reader) => {
      const listings = this.#reception.listings(asked(key)).subscribe({
        next: (addresses) => {
          if (reader.buffered > 0) reader.dropOldest();
          reader.push(this.#refs(addresses, key.protocol));
        },
        error: (error) => reader.end({ thrown: lookupError(error as StreamFailure) }),
        complete: () => reader.end(),
      });
      return { consumed: () => undefined, cancel: () => listings.unsubscribe() };
    }, options?.signal);
  }

  /**
   * The top-level actor of that name on this node: of its main thread, else of a worker, else none. With an address,
   * `troupe://node/name`, that on another node.
   *
   * @throws LookupFailed `protocol` where the actor of that name speaks another protocol
   * @throws NotDelivered `unreachable` where the node of the address is not found
   * @throws InvalidAddress
   */
  async named<T extends AnyProtocol>(protocol: T, name: string): Promise<Ref<T> | undefined> {
    const spoken = compiledProtocol(protocol).name;
    if (typeof name === 'string' && isActorAddress(name)) return this.#onNode(protocol, parseActorAddress(name));
    if (typeof name !== 'string') throw new UsageError(`find takes a protocol and a name; it was given ${typeof name}`);
    const address = await asLookup(this.#reception.named({ name, protocol: spoken }));
    return address === null ? undefined : this.#refs([address], protocol)[0];
  }

  async #onNode<T extends AnyProtocol>(protocol: T, address: ActorAddress): Promise<Ref<T> | undefined> {
    const looked = await this.lookUp(address, protocol.name);
    if ('address' in looked) return this.#refs([looked.address], protocol)[0];
    if (looked.reason === 'unreachable') throw new NotDelivered('unreachable', looked.text);
    if (looked.isOther) throw new LookupFailed('protocol', looked.text);
    return undefined;
  }

  /** @internal Who has that name on that node, or why nobody. Does not reject. */
  async lookUp(
    { node, name }: ActorAddress,
    protocol: string,
  ): Promise<{ readonly address: WireAddress } | (Unfound & { readonly isOther: boolean })> {
    const timeoutMs = limits.controlTimeoutMs;
    try {
      const address = await this.#reception.lookUp({ node, name, protocol }, { timeoutMs });
      if (address !== null) return { address };
      return { reason: 'unknown', text: `no actor of node ${node} has the name "${name}"`, isOther: false };
    } catch (error) {
      if (isA(error, DeclaredError)) return { ...(error.data as Unfound), isOther: true };
      return { reason: 'unreachable', text: (error as Error).message, isOther: false };
    }
  }

  /** @internal An actor of this name runs on another thread. */
  async nameElsewhere(name: string, protocol: AnyProtocol, ref: SendableRef): Promise<void> {
    await this.#reception.nameElsewhere({ name, protocol: protocol.name, address: addressOf(ref) });
  }

  get #reception(): Ref<ReceptionProtocol> {
    return new (refClassOf(Reception))(this.#host.reception, this.#owner) as unknown as Ref<ReceptionProtocol>;
  }

  #refs<T extends AnyProtocol>(addresses: readonly WireAddress[], protocol: T): readonly Ref<T>[] {
    const refs = addresses.map((address) => this.#host.refAt(address, protocol, this.#owner));
    return refs.filter((ref) => ref !== undefined) as unknown as Ref<T>[];
  }
}

function asked(key: ServiceKey<AnyProtocol>): { name: string; protocol: string } {
  if (key?.protocol === undefined) throw new UsageError('the receptionist takes a key that serviceKey(…) made');
  return { name: key.name, protocol: key.protocol.name };
}

function sendable(ref: unknown): SendableRef {
  if (!isRef(ref)) throw new UsageError(`the receptionist takes a ref of an actor; it was given ${typeof ref}`);
  return ref;
}

async function asLookup<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    throw lookupError(error);
  }
}

function lookupError(error: unknown): unknown {
  if (!(error instanceof DeclaredError)) return error;
  const { reason, text } = error.data as Refusal;
  return new LookupFailed(reason, text);
}
