/** The routees that a router was given, each for as long as it lives. */
import { limits } from '../../base/limits.ts';
import type { AnyProtocol } from '../protocol.ts';
import { type InternalRef, targetOf } from '../ref.ts';
import { incarnationOf } from '../target.ts';
import type { Terminated } from '../watch.ts';
import { type Managed, type OneRoutee, Routees, refuse } from './routees.ts';
import { passesOnTo } from './router-cell.ts';
import type { RoutingRefusal } from './router-control.ts';
import type { Strategy } from './strategy.ts';

export class GivenRoutees extends Routees {
  readonly #protocol: AnyProtocol;

  /** @throws RangeError where there are too many, or one is the router itself */
  constructor(strategy: Strategy<never>, protocol: AnyProtocol, given: readonly unknown[], context: Managed) {
    super(strategy, context);
    this.#protocol = protocol;
    for (const ref of given as readonly InternalRef[]) {
      const refusal = this.#take(ref, context);
      if (refusal !== undefined) throw new RangeError(refusal.text);
    }
  }

  override add({ address, protocol }: OneRoutee, context: Managed): void {
    const { host } = this.cell;
    const ref = protocol === this.#protocol.name ? host.refAt(address, this.#protocol, this.cell) : undefined;
    if (ref === undefined) {
      refuse(context, 'protocol', `${this.cell.path()} spreads "${this.#protocol.name}", and the routee "${protocol}"`);
    }
    const refusal = this.#take(ref, context);
    if (refusal !== undefined) refuse(context, refusal.reason, refusal.text);
  }

  override remove({ address, protocol }: OneRoutee, context: Managed): boolean {
    const incarnation = incarnationOf(this.cell.host.targetAt(address, protocol));
    const routee = this.routees.find(({ name }) => name === incarnation);
    if (routee === undefined) return false;
    context.unwatch(routee.ref as never);
    return this.exclude(routee.target);
  }

  override terminated({ ref }: Terminated): void {
    this.exclude(targetOf(ref));
  }

  #take(ref: InternalRef, context: Managed): RoutingRefusal | undefined {
    const target = targetOf(ref);
    const name = incarnationOf(target);
    if (this.routees.some((routee) => routee.name === name)) return undefined;
    const router = this.cell.path();
    if (this.routees.length >= limits.routeesMax) {
      return { reason: 'full', text: `${router} has ${limits.routeesMax} routees already` };
    }
    if (passesOnTo(target, this.cell)) {
      return { reason: 'cycle', text: `${target.path()} passes on to ${router}: a message would go round for ever` };
    }
    // First, since the news that it has ended may come while it is being watched.
    this.include(name, ref, target);
    try {
      context.watch(ref as never);
    } catch (error) {
      this.exclude(target);
      return { reason: 'full', text: `${router} cannot watch ${target.path()}: ${(error as Error).message}` };
    }
    return undefined;
  }
}
