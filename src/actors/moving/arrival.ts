/**
 * An actor on its way in: its cell is made, or is the one that it had here before; its resources are opened and its state
 * is read. It takes no turns until it is told to begin, behind everything that was handed over. Until then whatever else is
 * for it waits on the cell's way: a sender who knows already where it goes may be faster than what it sent before, which
 * comes with the actor. If its old place is lost before it begins, it went with that place, and nothing of it is left here.
 */
import { describeThrown } from '../../base/errors.ts';
import { isA } from '../../base/thrown.ts';
import type { ActorBehavior } from '../behavior.ts';
import type { Cell } from '../cell.ts';
import { MoveRefused, SpawnFailed } from '../errors.ts';
import type { Host } from '../host.ts';
import { Machine } from '../machine-state.ts';
import type { Envelope } from '../mailbox.ts';
import type { ObserverSeed } from '../observer.ts';
import type { Operation } from '../operation.ts';
import type { BoundOperation } from '../ref.ts';
import { targetOf } from '../ref.ts';
import type { Signal } from '../signal.ts';
import type { EndReason } from '../target.ts';
import type { PendingTimer } from '../timers.ts';
import type {
  Beginning,
  MovingSignal,
  MovingStream,
  MovingTimer,
  Snapshot,
  Standing,
  WireActor,
} from './destination.ts';
import { DetachedStream, lostOnItsWay } from './detached-stream.ts';
import type { Way } from './way.ts';

/** A stream as it came: seeds and values still as data. */
export type StreamParts = Omit<MovingStream, 'operation'>;

export class Arrival {
  readonly cell: Cell;
  readonly #host: Host;
  readonly #behavior: ActorBehavior;
  readonly #snapshot: Snapshot;
  /** How those of this place speak to the actor until now, where it was never here before. */
  readonly #wayHere: Way | undefined;
  #state: unknown;
  #args: unknown;
  #holdsResources = false;
  #streams: { readonly request: DetachedStream; readonly message: unknown }[] = [];
  #over = false;

  /** @throws MoveRefused */
  constructor(host: Host, behavior: ActorBehavior, snapshot: Snapshot, wayHere: () => Way) {
    this.#host = host;
    this.#behavior = behavior;
    this.#snapshot = snapshot;
    const { place, cell, name } = snapshot;
    const identity = { place, cell };
    try {
      const isNew = host.knownAs(identity) === undefined;
      this.cell = host.expect(behavior, identity, name ?? undefined);
      this.#wayHere = isNew ? wayHere() : undefined;
    } catch (error) {
      throw refused(host, snapshot, error);
    }
    if (this.#wayHere !== undefined) this.cell.goBy(identity, this.#wayHere);
  }

  /** Resolves when everything is at hand that it needs to run here. @throws MoveRefused */
  async prepare(): Promise<void> {
    const { cell } = this;
    const crossed = cell.way.arrive();
    try {
      this.#state = this.#behavior.stateAgain(this.#host.dataFromWire(this.#snapshot.state, cell, cell.selfRef()));
      const { args } = this.#snapshot;
      if (args !== null) this.#args = this.#host.fromWire(this.#behavior.argsType, args, cell);
    } catch (error) {
      throw new MoveRefused(
        'state',
        `${cell.path()} cannot move to ${this.#host.placeId}: ${describeThrown(error)}`,
        error,
      );
    }
    const { uses } = this.#behavior;
    if (uses.length > 0) {
      try {
        await this.#host.resources.acquire(uses.map((one) => this.#host.resourceFor(one)));
      } catch (error) {
        throw refused(this.#host, this.#snapshot, error);
      }
      if (this.#over) {
        this.#host.resources.release(uses);
        return;
      }
      this.#holdsResources = true;
    }
    await crossed;
  }

  // ── what is handed over ──

  /** A message, in the order in which it waited. */
  message(envelope: Envelope, message: unknown, standing: Standing): void {
    this.cell.acceptHanded(envelope, message, standing);
  }

  stream(operation: Operation, parts: StreamParts): void {
    const { cell } = this;
    const request = streamOf(cell, operation, parts);
    const message = this.#host.fromWire(operation.input, parts.message, cell);
    if (parts.begun) this.#streams.push({ request, message });
    else cell.acceptHanded(request, message, { isStashed: false, retried: 0 });
  }

  signal(signal: MovingSignal): void {
    const { cell } = this;
    const behavior = this.#behavior;
    switch (signal[0]) {
      case 'terminated': {
        const watch = cell.watches.resumeTold(this.#refTo(signal[1]), signal[2] as EndReason);
        cell.signalHanded(behavior.terminated, watch);
        return;
      }
      case 'idle':
        cell.signalHanded(behavior.idle, idleAgain(cell));
        return;
      case 'timeout':
        if (this.#state instanceof Machine) cell.signalHanded(behavior.stateTimeout, this.#state.timeoutAgain());
        return;
      default:
        signal satisfies never;
    }
  }

  // ── its end ──

  /** It takes its turns here from now on. */
  begin(beginning: Beginning): void {
    if (this.#over) return;
    this.#over = true;
    const { cell } = this;
    const { way } = cell;
    cell.beginHere(this.#state, this.#args, this.#snapshot, () => {
      if (this.#state instanceof Machine) this.#state.resume(beginning.stateLeftMs ?? undefined, cell);
      if (beginning.quiet !== null) cell.extension.receiveTimeout?.resume(beginning.quiet);
      for (const { request, message } of this.#streams) cell.resumeStream(request, message);
      for (const timer of beginning.timers) {
        const pending = this.#timer(timer);
        if (pending !== undefined) cell.extension.timers.begin(pending);
      }
      for (const watched of beginning.watches) cell.watches.resume(this.#refTo(watched));
      for (const linked of beginning.links) this.#link(linked);
      // What waited for it comes behind what it has brought.
      if (this.#wayHere === undefined) way.close();
      else this.#wayHere.arrived(cell, this.#snapshot.hop);
    });
  }

  /** It does not come, or went with its old place. */
  drop(): void {
    if (this.#over) return;
    this.#over = true;
    // Their readers may have come for them already.
    for (const { request } of this.#streams) request.fail(lostOnItsWay(request.operation, this.cell.path()));
    if (this.#holdsResources) this.#host.resources.release(this.#behavior.uses);
    this.cell.dropArrival(this.#wayHere !== undefined);
    this.#wayHere?.stayed();
  }

  #link(linked: WireActor): void {
    try {
      this.cell.links.add(targetOf(this.#refTo(linked)), true);
    } catch (error) {
      // One cannot do without the other, and would not be told of its end.
      this.cell.failedBeside(error);
    }
  }

  #refTo(actor: WireActor) {
    return this.#host.refTo(actor, this.cell);
  }

  #timer({ to, operation: label, message, leftMs, periodMs, name }: MovingTimer): PendingTimer | undefined {
    const { cell } = this;
    let bound: BoundOperation;
    if (to === null) {
      const operation = this.#behavior.labelledAny(label);
      if (operation === undefined) return undefined;
      bound = { target: cell, owner: cell, operation };
    } else {
      const ref = this.#refTo(to);
      const operation = this.#host.operationOf(to[3], label);
      if (operation === undefined) return undefined;
      bound = { target: targetOf(ref), owner: cell, operation };
    }
    const own = this.#host.fromWire(bound.operation.input, message, cell);
    return {
      to: bound,
      message: own,
      leftMs,
      periodMs: periodMs ?? undefined,
      name: name ?? undefined,
    };
  }
}

/** A stream that its reader is to come for, of an actor that is here or about to be. */
export function streamOf(cell: Cell, operation: Operation, parts: StreamParts): DetachedStream {
  const { host } = cell;
  const output = operation.output!;
  const seeds: ObserverSeed[] = parts.seeds.map(([last, waiting]) => ({
    last: host.dataFromWire(last, cell, cell.selfRef()),
    waiting: waiting.map((value) => host.dataFromWire(value, cell, cell.selfRef())),
  }));
  const unsent = parts.unsent.map((value) => host.fromWire(output, value, cell));
  return new DetachedStream(host, cell.extension.claims, operation, { ...parts, seeds, unsent });
}

/** The end of a quiet time that was told where the actor was before. */
function idleAgain(cell: Cell): Signal {
  const { idleMs } = cell.behavior;
  const event = Object.freeze({ idleMs });
  return { event, take: () => event };
}

function refused(host: Host, { definition }: Snapshot, error: unknown): MoveRefused {
  const why = isA(error, SpawnFailed) ? error.message : describeThrown(error);
  return new MoveRefused('place', `actor "${definition}" cannot move to ${host.placeId}: ${why}`, error);
}
