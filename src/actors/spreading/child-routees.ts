/** Routees that the router starts itself, and supervises. */

import { limits } from '../../base/limits.ts';
import type { Where } from '../placed/where.ts';
import type { Terminated } from '../watch.ts';
import { Children } from './children.ts';
import { type Managed, Routees, refuse } from './routees.ts';
import { isCount } from './router-options.ts';
import type { Strategy } from './strategy.ts';

export interface ChildRouteesOptions {
  readonly of: unknown;
  readonly count: number;
  readonly args?: unknown;
  readonly on?: Where;
}

export class ChildRoutees extends Routees {
  readonly #children: Children;

  /** @throws SpawnFailed */
  constructor(strategy: Strategy<never>, { of, count, args, on }: ChildRouteesOptions, context: Managed) {
    super(strategy, context);
    this.#children = new Children({
      definition: of,
      args,
      on,
      started: ({ number, ref, cell }) => this.include(`child ${number}`, ref, cell),
      ended: ({ cell }) => this.exclude(cell),
      retire: ({ cell }) => {
        this.exclude(cell);
        void cell.stop(false, { drain: true });
      },
    });
    this.#children.resize(count, context);
  }

  override resize(size: number, context: Managed): void {
    if (!isCount(size, 0, limits.routeesMax)) {
      refuse(context, 'size', `${this.cell.path()} can have 0 to ${limits.routeesMax} children; it was given ${size}`);
    }
    this.#children.resize(size, context);
  }

  override replace(_nothing: unknown, context: Managed): void {
    this.#children.replace(context);
  }

  override terminated(event: Terminated, context: Managed): void {
    this.#children.terminated(event, context);
  }
}
