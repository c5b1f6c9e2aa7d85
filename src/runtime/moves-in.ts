/**
 * Moves as the other side of a session speaks of them: actors that arrive from there, streams and fences that follow them,
 * and news of where actors live. Actors arrive from places of this node only; whatever comes from another is looked at.
 */

import type { Cell } from '../actors/cell.ts';
import { MoveRefused } from '../actors/errors.ts';
import { Arrival, type StreamParts, streamOf } from '../actors/moving/arrival.ts';
import type { Beginning, MovingSignal, Snapshot, Standing } from '../actors/moving/destination.ts';
import { notKept } from '../actors/moving/detached-stream.ts';
import { type Operation, TellEnvelope } from '../actors/operation.ts';
import { NotDelivered } from '../actors/outcomes.ts';
import type { RegistryIndex } from '../actors/registry.ts';
import type { Request } from '../actors/request.ts';
import { limits } from '../base/limits.ts';
import { type CallOrigin, InboundStream, type OpenCall } from './inbound-calls.ts';
import { Handed, Kind } from './items.ts';
import type { RemotePlace } from './remote-place.ts';

/** What it needs of the one who reads the session. */
export interface MovesOwner extends CallOrigin {
  readonly open: Map<number, OpenCall>;
  send(kind: number, ...fields: readonly unknown[]): void;
  refuse(id: number, error: Error): void;
  /** Does it, and answers once it is over. */
  answerOnce(id: number, begin: () => Promise<unknown>): void;
  /** An ask from there, under its number and with its time. */
  asked(id: number, cell: Cell, operation: Operation, remainingMs: unknown, chain: unknown): Request;
}

export class MovesIn {
  readonly #place: RemotePlace;
  readonly #registry: RegistryIndex;
  readonly #owner: MovesOwner;
  /** Actors on their way in, by the call that they came by. */
  readonly #arrivals = new Map<number, Arrival>();

  constructor(place: RemotePlace, registry: RegistryIndex, owner: MovesOwner) {
    this.#place = place;
    this.#registry = registry;
    this.#owner = owner;
  }

  /** True when the item is settled by a cell, later. @throws where it is malformed, or none of these */
  read(kind: number, id: number, fields: readonly unknown[], at: number): boolean {
    switch (kind) {
      case Kind.move:
        this.#move(id, fields[at + 1], fields[at + 2], fields[at + 3]);
        return false;
      case Kind.adopt:
        this.#adopt(id, fields[at + 1]);
        return false;
      case Kind.handed:
        return this.#handed(id, fields[at + 1], fields[at + 2]);
      case Kind.begin:
        this.#begin(id, fields[at + 1], fields[at + 2]);
        return false;
      case Kind.fence:
        this.#fence(id, fields[at + 1]);
        return false;
      case Kind.route:
        this.#place.routes.told(this.#place, fields, at);
        return false;
      case Kind.moved:
        this.#place.call(id)?.moved(text(fields[at + 1]));
        return false;
      case Kind.attach:
        this.#attach(id, fields, at);
        return false;
      case Kind.pass:
        return this.#pass(id, fields[at + 1], fields[at + 2]);
      case Kind.expect:
        this.#refuseForeign('news of a move');
        this.#place.routes.expected(fields, at);
        this.#owner.send(Kind.reply, id, null);
        return false;
      default:
        throw new Error(`an item of unknown kind ${kind}`);
    }
  }

  /** Between the threads of one process alone. @throws for another node */
  #refuseForeign(what: string): void {
    if (this.#place.foreign) throw new Error(`${what} from another node`);
  }

  #move(id: number, cellId: unknown, placeId: unknown, deadlineMs: unknown): void {
    const cell = this.#place.host.cell(cellId as number);
    const refuse = (error: unknown): void => this.#owner.refuse(id, error as Error);
    if (this.#place.foreign) {
      refuse(new MoveRefused('place', `an actor of ${this.#place.host.placeId} is moved by its own node only`));
    } else if (cell === undefined) {
      refuse(new MoveRefused('gone', `the actor has ended, and cannot be moved`));
    } else {
      cell.move(text(placeId), milliseconds(deadlineMs)).then(() => this.#owner.send(Kind.reply, id, null), refuse);
    }
  }

  #adopt(id: number, given: unknown): void {
    this.#refuseForeign('an actor');
    const { host } = this.#place;
    const snapshot = given as Snapshot;
    const behavior = this.#registry.actor(snapshot.definition);
    if (behavior === undefined) {
      const why = `no actor is registered as "${snapshot.definition}" there; add it to the registry module that all places load`;
      this.#owner.refuse(id, new MoveRefused('place', `the actor cannot move to ${host.placeId}: ${why}`));
      return;
    }
    let arrival: Arrival;
    try {
      arrival = new Arrival(host, behavior, snapshot, () => this.#place.routes.here(snapshot, behavior));
    } catch (error) {
      this.#owner.refuse(id, error as Error);
      return;
    }
    this.#arrivals.set(id, arrival);
    // It is cancelled like a call, also where the other place is lost: it went with that then.
    this.#owner.open.set(id, { cancel: () => this.#drop(id) });
    const announced = this.#place.routes.announce(snapshot, this.#place, arrival.cell.id);
    Promise.all([arrival.prepare(), announced]).then(
      () => {
        if (this.#arrivals.get(id) === arrival) this.#owner.send(Kind.reply, id, arrival.cell.id);
      },
      (error: unknown) => {
        if (this.#arrivals.get(id) !== arrival) return;
        this.#drop(id);
        this.#owner.open.delete(id);
        this.#owner.refuse(id, error as Error);
      },
    );
  }

  #drop(id: number): void {
    const arrival = this.#arrivals.get(id);
    this.#arrivals.delete(id);
    arrival?.drop();
  }

  #handed(id: number, what: unknown, given: unknown): boolean {
    this.#refuseForeign('a message for an actor that moves');
    const arrival = this.#arrivals.get(id);
    const fields = given as readonly unknown[];
    if (arrival === undefined) throw new Error('a message for an actor that does not come');
    if (what === Handed.signal) {
      arrival.signal(fields as unknown as MovingSignal);
      return false;
    }
    const { host } = this.#place;
    const { cell } = arrival;
    const label = fields[what === Handed.ask ? 1 : 0];
    const operation = cell.behavior.labelledAny(text(label));
    if (operation === undefined) throw new Error(`a message of no operation: ${String(label)}`);
    switch (what) {
      case Handed.tell: {
        const [, wire, isStashed, retried] = fields;
        const envelope = new TellEnvelope(operation, this.#owner);
        arrival.message(envelope, host.fromWire(operation.input, wire, cell), standing(isStashed, retried));
        return true;
      }
      case Handed.ask: {
        const [call, , wire, remainingMs, chain, isStashed, retried] = fields;
        const request = this.#owner.asked(call as number, cell, operation, remainingMs, chain);
        arrival.message(request, host.fromWire(operation.input, wire, cell), standing(isStashed, retried));
        return true;
      }
      case Handed.stream:
        arrival.stream(operation, fields[1] as StreamParts);
        return false;
      default:
        throw new Error('something unknown of an actor that moves');
    }
  }

  #begin(id: number, adopted: unknown, beginning: unknown): void {
    this.#refuseForeign('the beginning of an actor');
    const arrival = this.#arrivals.get(adopted as number);
    if (arrival === undefined) throw new Error('the beginning of an actor that does not come');
    this.#arrivals.delete(adopted as number);
    this.#owner.open.delete(adopted as number);
    arrival.begin(beginning as Beginning);
    this.#owner.send(Kind.reply, id, null);
    this.#place.routes.tellHome(arrival.cell, this.#place);
  }

  #fence(id: number, cellId: unknown): void {
    const cell = this.#place.host.cell(cellId as number);
    if (cell === undefined) this.#owner.send(Kind.reply, id, null);
    else this.#owner.answerOnce(id, () => cell.fence());
  }

  #attach(id: number, fields: readonly unknown[], at: number): void {
    const [cellId, label, token, received, granted] = fields.slice(at + 1, at + 6);
    const cell = this.#place.host.cell(cellId as number);
    const operation = cell?.behavior.labelled(text(label));
    if (cell === undefined || operation?.kind !== 'stream' || this.#owner.open.has(id)) {
      if (this.#owner.open.has(id)) throw new Error('a call number that is in use');
      this.#owner.refuse(id, new NotDelivered('stopped', `${text(label)}: the actor has ended`));
      return;
    }
    this.#attachTo(cell, id, operation, text(token), whole(received), whole(granted));
  }

  #attachTo(cell: Cell, id: number, operation: Operation, token: string, received: number, granted: number): void {
    const { open } = this.#owner;
    const stream = cell.extension.claims.find(token, operation, received);
    if (stream !== undefined) {
      const sink = new InboundStream(this.#owner, id, operation, false, Math.min(granted, limits.streamGrantMax));
      open.set(id, sink);
      stream.attach(sink);
    } else if (cell.hasMoved && cell.way.isHeld && !cell.way.isFull) {
      // The reader may be faster than the stream, which comes with its actor.
      let now = granted;
      open.set(id, { cancel: () => open.delete(id), grant: (total) => (now = Math.max(now, total)) });
      cell.way.through(() => {
        if (!open.delete(id)) return;
        this.#attachTo(cell, id, operation, token, received, now);
      });
    } else if (cell.hasMoved) this.#owner.moved(id, token, cell);
    else this.#owner.refuse(id, notKept(operation, cell.path()));
  }

  /** A stream that its reader will come for, at its place among the messages. */
  #pass(cellId: number, label: unknown, parts: unknown): boolean {
    this.#refuseForeign('a stream on its way');
    const cell = this.#place.host.cell(cellId);
    const operation = cell?.behavior.labelledAny(text(label));
    if (cell === undefined || operation?.kind !== 'stream') return false;
    const stream = parts as StreamParts;
    const request = streamOf(cell, operation, stream);
    cell.accept(request, this.#place.host.fromWire(operation.input, stream.message, cell));
    return false;
  }
}

function standing(isStashed: unknown, retried: unknown): Standing {
  return { isStashed: isStashed === true, retried: whole(retried) };
}

function text(value: unknown): string {
  if (typeof value === 'string' && value.length <= limits.branchCharactersMax) return value;
  throw new Error('a text that is none, or too long');
}

function whole(value: unknown): number {
  if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number;
  throw new Error('a count that is no whole number');
}

function milliseconds(value: unknown): number {
  if (typeof value === 'number' && value >= 0 && value <= limits.askTimeoutMsMax) return value;
  throw new Error('a time limit that is no number of ms');
}
