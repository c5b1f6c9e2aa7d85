/** A move to another place, from the place that the actor leaves: what it says over the session, in order. */
import { MoveRefused } from '../actors/errors.ts';
import type {
  Adoption,
  Beginning,
  MovingSignal,
  MovingStream,
  Snapshot,
  Standing,
  Station,
} from '../actors/moving/destination.ts';
import type { Operation } from '../actors/operation.ts';
import type { CallOptions } from '../actors/protocol.ts';
import { chainOf } from '../actors/request.ts';
import type { Owner } from '../actors/target.ts';
import { limits } from '../base/limits.ts';
import { Handed, Kind } from './items.ts';
import type { RemotePlace } from './remote-place.ts';

export class MoveOut implements Adoption {
  readonly #place: RemotePlace;
  readonly #call: number;
  readonly taken: Promise<Station>;

  constructor(place: RemotePlace, snapshot: Snapshot, branch: string, protocol: string, timeoutMs: number) {
    this.#place = place;
    const identity = { place: snapshot.place, cell: snapshot.cell };
    const { id, answer } = place.control<number>(Kind.adopt, [snapshot], {
      timeoutMs: Math.min(timeoutMs, limits.askTimeoutMsMax),
      read: (wire) => {
        if (Number.isSafeInteger(wire) && (wire as number) > 0) return wire;
        throw new MoveRefused('place', `${place.placeId} answered a move with something that is no number of an actor`);
      },
      lost: (where) => ({ error: new MoveRefused('place', `${where} was lost before the actor had moved there`) }),
      expired: () => new MoveRefused('place', `${place.placeId} did not take the actor within ${timeoutMs} ms`),
    });
    this.#call = id;
    this.taken = answer.then((cell) => place.station(cell, branch, protocol, identity));
  }

  tell(operation: Operation, message: unknown, { isStashed, retried }: Standing): void {
    const fields = [operation.label, operation.input.toWire(message), isStashed, retried];
    this.#hand(Handed.tell, fields);
  }

  ask(
    operation: Operation,
    message: unknown,
    options: CallOptions,
    owner: Owner,
    { isStashed, retried }: Standing,
  ): Promise<unknown> {
    const wire = operation.input.toWire(message);
    return this.#place.handAsk(operation, options, owner, (call, remainingMs) => {
      const chain = chainOf(owner).flatMap((link) => [link.place, link.cell, link.run]);
      this.#hand(Handed.ask, [call, operation.label, wire, remainingMs, chain, isStashed, retried]);
    });
  }

  stream(stream: MovingStream): void {
    this.#hand(Handed.stream, streamFields(stream));
  }

  signal(signal: MovingSignal): void {
    this.#hand(Handed.signal, [...signal]);
  }

  begin(beginning: Beginning): Promise<void> {
    const lost = (where: string): { readonly error: Error } => ({
      error: new MoveRefused(
        'gone',
        `${where} was lost when the actor had just moved there: it went with its new place`,
      ),
    });
    const { answer } = this.#place.control<void>(Kind.begin, [this.#call, beginning], {
      timeoutMs: limits.controlTimeoutMs,
      read: () => undefined,
      lost,
      expired: () => new MoveRefused('gone', `${this.#place.placeId} did not say that the actor runs there`),
    });
    return answer;
  }

  cancel(): void {
    this.#place.send(Kind.cancel, this.#call);
  }

  #hand(what: number, fields: readonly unknown[]): void {
    this.#place.send(Kind.handed, this.#call, what, fields);
  }
}

/** A stream as the fields of an item, behind its operation's name. */
export function streamFields({ operation, ...parts }: MovingStream): readonly unknown[] {
  return [operation.label, parts];
}
