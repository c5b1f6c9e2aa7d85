/**
 * The routees of a router, wherever they come from: its state, whose methods are the handlers of how it is managed.
 *
 * The list is replaced at each change and never changed itself, so a strategy sees by its identity whether it is new.
 */
import type { z } from 'zod';
import type { Cell } from '../cell.ts';
import type { Context } from '../context.ts';
import { addressOf, type WireAddress } from '../finding/address.ts';
import type { InternalRef } from '../ref.ts';
import { Run } from '../run.ts';
import type { SendableRef } from '../schema/ref-rules.ts';
import type { Terminated } from '../watch.ts';
import type { Routee } from './routee.ts';
import type { RouterControlProtocol, RoutingRefusal } from './router-control.ts';
import type { Picker, Strategy } from './strategy.ts';

export interface OneRoutee {
  readonly address: WireAddress;
  readonly protocol: string;
}
export type Managed = Context<RouterControlProtocol['ops'], { refused: z.ZodType<RoutingRefusal, RoutingRefusal> }>;

export abstract class Routees {
  readonly strategy: Strategy<never>;
  readonly pick: Picker;
  /** True where each message goes to one routee, whatever it holds: choosing cannot fail then. */
  readonly isBlind: boolean;
  routees: readonly Routee[] = [];
  protected readonly cell: Cell;

  constructor(strategy: Strategy<never>, context: unknown) {
    this.cell = Run.cellOf(context);
    this.strategy = strategy;
    this.isBlind = strategy.reach === 'one' && !strategy.readsMessages;
    this.pick = strategy.picker(this.cell.host.random.fork(`router ${this.cell.id}`));
  }

  list(): [string, number, string][] {
    return this.routees.map(({ ref }) => addressOf(ref as SendableRef));
  }

  add(_routee: OneRoutee, context: Managed): void {
    refuse(context, 'not-offered', `${this.cell.path()} was not given its routees, so none can be added to them`);
  }

  remove(_routee: OneRoutee, context: Managed): boolean {
    return refuse(context, 'not-offered', `${this.cell.path()} was not given its routees, so none can be taken out`);
  }

  resize(_size: number, context: Managed): void {
    refuse(context, 'not-offered', `${this.cell.path()} has no children, so it has no size`);
  }

  replace(_nothing: unknown, _context: Managed): void {
    // Only for those with children.
  }

  shrink(_nothing: unknown, _context: Managed): void {
    // Only for pools.
  }

  /** A routee, or a child, has ended. */
  abstract terminated(event: Terminated, context: Managed): void;

  protected include(name: string, ref: InternalRef, target: Routee['target']): void {
    this.routees = [...this.routees, { name, ref, target }];
  }

  protected exclude(target: Routee['target']): boolean {
    const { length } = this.routees;
    this.routees = this.routees.filter((routee) => routee.target !== target);
    return this.routees.length < length;
  }
}

export function refuse(context: Managed, reason: RoutingRefusal['reason'], text: string): never {
  throw (context.fail as (code: string, data: RoutingRefusal) => unknown)('refused', { reason, text });
}
