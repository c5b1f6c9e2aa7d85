/** The cell of a router: every call picks a routee, and is then the caller's call of that one. */
import { describeThrown } from '../../base/errors.ts';
import { limits } from '../../base/limits.ts';
import { Cell } from '../cell.ts';
import { FailureLog } from '../failure-log.ts';
import { GoneTarget } from '../gone-target.ts';
import { invalidMessage } from '../isolation.ts';
import { aborted } from '../local-calls.ts';
import type { Envelope } from '../mailbox.ts';
import type { RoomWaiting } from '../offer.ts';
import type { Operation } from '../operation.ts';
import { ActorFailed } from '../outcomes.ts';
import { diesHere, handTo, passOn, passRequest, refuse } from '../passing/pass-on.ts';
import { relayAsk } from '../passing/relay.ts';
import type { CallOptions, Stream, StreamOptions } from '../protocol.ts';
import type { Request } from '../request.ts';
import { streamOf } from '../stream-reader.ts';
import type { Owner, Target } from '../target.ts';
import { offerAll } from './broadcast.ts';
import { FrontCell } from './front-cell.ts';
import type { Routee } from './routee.ts';
import type { Routees } from './routees.ts';
import { askFirst } from './scatter-gather.ts';

const none: readonly Routee[] = [];

export class RouterCell extends FrontCell {
  /** Where the last message from another place went that found no room. */
  private lastFull: Cell | undefined = undefined;
  private nobody: GoneTarget | undefined = undefined;

  override receiverOf(operation: Operation, message: unknown): ReturnType<Cell['receiverOf']> {
    if (this.isOver || this.isOwn(operation)) return { cell: this };
    if (this.reach !== 'one') return { target: this };
    const { target, failure } = this.pickAccepted(operation, message);
    if (failure !== undefined) this.dies(operation, message, 'failed');
    return target instanceof Cell ? target.receiverOf(operation, message) : { target };
  }

  /** What waits at its routees, on average. */
  override get load(): number {
    const { routees } = this;
    if (routees.length === 0) return Number.POSITIVE_INFINITY;
    return routees.reduce((sum, { target }) => sum + target.load, 0) / routees.length;
  }

  get routees(): readonly Routee[] {
    return (this.state as Routees | undefined)?.routees ?? none;
  }

  // ── calls from this place ──

  override tell(operation: Operation, message: unknown): boolean {
    const state = this.state as Routees | undefined;
    // The way of nearly every message, with nothing made on it.
    if (state?.isBlind === true && state.routees.length > 0 && !this.isOver && !this.isOwn(operation)) {
      return state.pick(state.routees, operation, message).target.tell(operation, message);
    }
    if (this.isOver || this.isOwn(operation)) return super.tell(operation, message);
    if (this.reach === 'one') {
      const picked = this.pick(operation, message);
      if (picked.failure === undefined) return picked.target.tell(operation, picked.message);
      return this.dies(operation, picked.message, 'failed');
    }
    return this.tellAll(operation, message);
  }

  override ask(
    operation: Operation,
    message: unknown,
    options: CallOptions | undefined,
    owner: Owner,
  ): Promise<unknown> {
    if (this.isOver || this.isOwn(operation)) return super.ask(operation, message, options, owner);
    try {
      if (this.reach !== 'one' && this.routees.length > 0) {
        return askFirst(this.routees, operation, message, options, owner, this.path());
      }
      const picked = this.pick(operation, message);
      if (picked.failure !== undefined) return Promise.reject(picked.failure);
      return picked.target.ask(operation, picked.message, options, owner);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  override offer(
    operation: Operation,
    message: unknown,
    options: CallOptions | undefined,
    owner: Owner,
  ): Promise<void> {
    if (this.isOver || this.isOwn(operation)) return super.offer(operation, message, options, owner);
    try {
      if (options?.signal?.aborted) throw aborted(operation, options.signal);
      if (this.reach !== 'one' && this.routees.length > 0) {
        return offerAll(this.routees, operation, message, options, owner, this);
      }
      const picked = this.pick(operation, message);
      if (picked.failure !== undefined) return Promise.reject(picked.failure);
      return picked.target.offer(operation, picked.message, options, owner);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  override stream(
    operation: Operation,
    message: unknown,
    options: StreamOptions | undefined,
    owner: Owner,
  ): Stream<unknown> {
    if (this.isOver || this.isOwn(operation)) return super.stream(operation, message, options, owner);
    let failure: unknown;
    try {
      const picked = this.pick(operation, message);
      if (picked.failure === undefined) return picked.target.stream(operation, picked.message, options, owner);
      failure = picked.failure;
    } catch (error) {
      failure = error;
    }
    return streamOf((reader) => {
      reader.end({ thrown: failure });
      return { consumed: () => undefined, cancel: () => undefined };
    });
  }

  // ── messages from another place, which are the router's own by now ──

  override accept(envelope: Envelope, message: unknown): boolean {
    const { operation, request } = envelope;
    if (this.isOver || this.isOwn(operation)) return super.accept(envelope, message);
    if (request !== undefined) {
      this.passRequest(request, message);
      return true;
    }
    if (this.reach !== 'one') {
      let haveRoom = false;
      try {
        haveRoom = this.tellAll(operation, message);
      } catch {
        this.dies(operation, message, 'invalid');
      }
      envelope.origin?.settled();
      return haveRoom;
    }
    const { target, failure } = this.pickAccepted(operation, message);
    if (target instanceof Cell) {
      const hasRoom = handTo(target, envelope, message);
      if (!hasRoom) this.lastFull = target;
      return hasRoom;
    }
    this.lastFull = undefined;
    if (failure === undefined) return passOn(this, target, envelope, message);
    envelope.origin?.settled();
    return this.dies(operation, message, 'failed');
  }

  private passRequest(request: Request, message: unknown): void {
    const { operation } = request;
    if (this.reach !== 'one') {
      relayAsk(this, request, (asked, options, owner) => this.ask(asked, message, options, owner));
      return;
    }
    const { target, failure } = this.pickAccepted(operation, message);
    if (failure !== undefined) refuse(request, failure);
    else passRequest(this, target, request, message);
  }

  override awaitRoom(waiting: RoomWaiting): void {
    const { lastFull } = this;
    if (lastFull !== undefined && !lastFull.isOver) {
      lastFull.awaitRoom(waiting);
      return;
    }
    // How full a third place is, this one does not hear in time: its senders rest a little.
    this.host.environment.clock.timer(limits.routerRoomMs, () => waiting.admit(() => undefined));
  }

  // ── choosing ──

  private get reach(): 'one' | 'all' | 'first' {
    return (this.state as Routees | undefined)?.strategy.reach ?? 'one';
  }

  /** The target of a message as the caller gave it. @throws InvalidMessage where it had to be looked into */
  private pick(operation: Operation, message: unknown): Picked {
    const reads = (this.state as Routees | undefined)?.strategy.readsMessages === true;
    if (!reads) return this.pickAccepted(operation, message);
    let parsed: unknown;
    try {
      parsed = operation.input.parse(message);
    } catch (error) {
      throw invalidMessage(error, `${operation.label} to ${this.path()}`);
    }
    return this.pickAccepted(operation, parsed);
  }

  private pickAccepted(operation: Operation, message: unknown): Picked {
    const state = this.state as Routees | undefined;
    if (state === undefined || state.routees.length === 0) return { target: this.noRoutee, message };
    try {
      return { target: state.pick(state.routees, operation, message).target, message };
    } catch (error) {
      const failure = new ActorFailed(
        `${operation.label}: ${this.path()} could not choose a routee: ${describeThrown(error)}`,
        error,
      );
      const { extension } = this;
      extension.failureLog ??= new FailureLog();
      extension.failureLog.add(this, error, `choosing a routee for ${operation.label}`, 'goes on', false);
      return { target: this.noRoutee, message, failure };
    }
  }

  private get noRoutee(): Target {
    this.nobody ??= new GoneTarget(this.host, this.address(), this.branch(), this.protocolName, 'no-routee');
    return this.nobody;
  }

  private tellAll(operation: Operation, message: unknown): boolean {
    const { routees } = this;
    if (routees.length === 0) return this.noRoutee.tell(operation, message);
    let haveRoom = true;
    let told = 0;
    const last = routees.length - 1;
    for (const [index, { target }] of routees.entries()) {
      try {
        // What its sender gives away goes to the last of them, and the others get copies.
        this.host.keepsBytes = index < last;
        haveRoom = target.tell(operation, message) && haveRoom;
        told += 1;
      } catch (error) {
        // What fits nowhere is found at the first, before anything was sent.
        if (told === 0) throw error;
        haveRoom = this.dies(operation, message, 'invalid', target.path());
      } finally {
        this.host.keepsBytes = false;
      }
    }
    return haveRoom;
  }

  private dies(operation: Operation, message: unknown, reason: 'failed' | 'invalid', path?: string): false {
    return diesHere(this, operation, message, reason, path);
  }
}

/** True where `target` is `router`, or a router of this place that leads to it: a message would go round for ever. */
export function passesOnTo(target: Target, router: Cell): boolean {
  if (target === router) return true;
  return target instanceof RouterCell && target.routees.some((routee) => passesOnTo(routee.target, router));
}

interface Picked {
  readonly target: Target;
  readonly message: unknown;
  /** Set where the strategy itself failed. */
  readonly failure?: ActorFailed;
}
