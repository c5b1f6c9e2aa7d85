/**
 * Who asks for a producer: its owner, without the run that is open just now.
 *
 * A message is sent when there is room for it, which may be in the middle of a run that has nothing to do with it. With
 * that run in the call chain, it would be a cycle where there is none.
 */
import type { Host } from '../host.ts';
import type { Address, Owner } from '../target.ts';

export class NeutralOwner implements Owner {
  readonly openRun = undefined;
  readonly #owner: Owner;

  constructor(owner: Owner) {
    this.#owner = owner;
  }

  get host(): Host {
    return this.#owner.host;
  }

  address(): Address {
    return this.#owner.address();
  }

  path(): string {
    return this.#owner.path();
  }

  adopt(ref: object): object {
    return this.#owner.adopt(ref);
  }
}
