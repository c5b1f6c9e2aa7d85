/** What an actor is made of, as plain data for another place; `arrival.ts` reads it there. */
import { isA } from '../../base/thrown.ts';
import type { Cell } from '../cell.ts';
import { MoveRefused } from '../errors.ts';
import { Machine } from '../machine-state.ts';
import type { ObserverSeed } from '../observer.ts';
import { type InternalRef, isRef, targetOf } from '../ref.ts';
import { InvalidValue } from '../schema/errors.ts';
import { toSelfDescribing } from '../schema/self-describing.ts';
import type { StreamRequest } from '../stream-request.ts';
import type { Target } from '../target.ts';
import type { PendingTimer } from '../timers.ts';
import type { MovingStream, MovingTimer, Snapshot, WireActor } from './destination.ts';

/** @throws MoveRefused `state` where something in it cannot travel */
export function snapshotOf(cell: Cell, state: unknown): Snapshot {
  const { behavior, extensionIfAny: extra, host } = cell;
  const { place, cell: number } = cell.identity;
  const args = cell.givenArguments;
  const data = state instanceof Machine ? { ...state.present } : state;
  return {
    definition: behavior.name,
    args: args === undefined ? null : sendable(cell, 'its arguments', () => behavior.argsType.toWire(args)),
    place,
    cell: number,
    name: cell.name ?? null,
    hop: cell.hop + 1,
    state: sendable(cell, 'its state', () => toSelfDescribing(data)),
    behaviors: namesOf(cell),
    generation: cell.generation,
    restarts: extra?.budget?.ages(host.environment.clock.monotonicMs()) ?? [],
    deliveries: extra?.consumer === undefined ? null : toSelfDescribing(extra.consumer.own),
  };
}

function sendable(cell: Cell, what: string, encode: () => unknown): unknown {
  try {
    return encode();
  } catch (error) {
    const finding = isA(error, InvalidValue) ? error.message.replace('the value', what) : String(error);
    const advice = 'keep plain data and refs there, and what cannot travel in a resource';
    throw new MoveRefused('state', `${cell.path()} cannot move: ${finding}; ${advice}`, error);
  }
}

function namesOf({ behavior, extensionIfAny: extra }: Cell): string[] {
  const names: string[] = [];
  for (const table of extra?.behaviors?.tables ?? []) {
    for (const [name, known] of behavior.behaviors) if (known === table) names.push(name);
  }
  return names;
}

/** How others name the actor of a ref. */
export function wireActor(of: InternalRef | Target): WireActor {
  const target = isRef(of) ? targetOf(of) : (of as Target);
  const { place, cell } = target.address();
  return [place, cell, target.branch(), target.protocolName];
}

export function timersOf(timers: readonly PendingTimer[], cell: Cell): MovingTimer[] {
  const moving: MovingTimer[] = [];
  for (const { to, message, leftMs, periodMs, name } of timers) {
    const { operation, target } = to;
    try {
      moving.push({
        to: target === cell ? null : wireActor(target),
        operation: operation.label,
        message: operation.input.toWire(message),
        leftMs,
        periodMs: periodMs ?? null,
        name: name ?? null,
      });
    } catch {
      // It holds what cannot travel: counted like one that came too late.
      cell.host.counters.late += 1;
    }
  }
  return moving;
}

/**
 * @param sent how many values its handler has made here
 * @throws InvalidValue where the message cannot travel
 */
export function movingStream(
  request: StreamRequest,
  message: unknown,
  token: string,
  begun: boolean,
  sent: number,
  seeds: readonly (ObserverSeed | undefined)[],
): MovingStream {
  const { operation } = request;
  const output = operation.output!;
  return {
    operation,
    message: operation.input.toWire(message),
    token,
    granted: Math.max(0, request.granted - sent),
    delivered: request.deliveredAfter(sent),
    unsent: request.unsent.map((value) => output.toWire(value)),
    seeds: seeds.flatMap((seed) => {
      const wire = seed === undefined ? undefined : seedToWire(seed);
      return wire === undefined ? [] : [wire];
    }),
    begun,
  };
}

/** Undefined where what was observed cannot travel: it is then observed anew. */
function seedToWire({ last, waiting }: ObserverSeed): readonly [unknown, readonly unknown[]] | undefined {
  try {
    return [toSelfDescribing(last), waiting.map((value) => toSelfDescribing(value))];
  } catch {
    return undefined;
  }
}
