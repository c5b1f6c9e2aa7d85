/** Everybody registered under a service key, followed by a subscription. */
import { describeThrown } from '../../base/errors.ts';
import { limits } from '../../base/limits.ts';
import type { ServiceKey } from '../finding/service-key.ts';
import type { AnyProtocol, AnyRef } from '../protocol.ts';
import { type InternalRef, targetOf } from '../ref.ts';
import { incarnationOf } from '../target.ts';
import { type Managed, Routees } from './routees.ts';
import { passesOnTo } from './router-cell.ts';
import type { Strategy } from './strategy.ts';

export class KeyRoutees extends Routees {
  readonly #key: ServiceKey<AnyProtocol>;

  constructor(strategy: Strategy<never>, key: ServiceKey<AnyProtocol>, context: Managed) {
    super(strategy, context);
    this.#key = key;
    void this.#follow(context);
  }

  override terminated(): void {
    // It watches nobody: the receptionist does.
  }

  async #follow(context: Managed): Promise<void> {
    const { signal, receptionist } = context;
    while (!signal.aborted) {
      try {
        for await (const refs of receptionist.subscribe(this.#key, { signal })) this.#replace(refs);
      } catch (error) {
        if (signal.aborted) return;
        const { log } = this.cell.host;
        const path = this.cell.path();
        log.warn(
          { path, key: this.#key.name, error: describeThrown(error) },
          `router ${path} cannot follow "${this.#key.name}" and tries again: ${describeThrown(error)}`,
        );
      }
      await this.#rest();
    }
  }

  #replace(refs: readonly AnyRef[]): void {
    const known = new Map(this.routees.map((routee) => [routee.name, routee]));
    this.routees = (refs as unknown as readonly InternalRef[])
      .filter((ref) => !passesOnTo(targetOf(ref), this.cell))
      .map((ref) => {
        const name = incarnationOf(targetOf(ref));
        return known.get(name) ?? { name, ref, target: targetOf(ref) };
      });
  }

  #rest(): Promise<void> {
    return new Promise((resolve) => {
      this.cell.host.environment.clock.timer(limits.childReplaceMs, resolve);
    });
  }
}
