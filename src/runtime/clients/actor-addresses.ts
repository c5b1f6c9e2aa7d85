/** Actors by their names, found once for all clients, and remembered until they end. */
import { LookupFailed } from '../../actors/errors.ts';
import type { AnyProtocol } from '../../actors/protocol.ts';
import { targetOf } from '../../actors/ref.ts';
import type { Target, Watcher } from '../../actors/target.ts';
import { isA } from '../../base/thrown.ts';
import { clientLimits } from '../../transport/client-limits.ts';

/** The top-level actor of that name. @throws LookupFailed where it speaks another protocol */
export type FindActor = (protocol: AnyProtocol, name: string) => Promise<object | undefined>;

export class ActorAddresses {
  readonly #find: FindActor;
  readonly #known = new Map<string, { readonly target: Target; readonly watcher: Watcher }>();

  constructor(find: FindActor) {
    this.#find = find;
  }

  /** The actor at once where it is known; undefined where there is none. */
  get(protocol: AnyProtocol, name: string): Target | Promise<Target | undefined> {
    const key = `${protocol.name}/${name}`;
    return this.#known.get(key)?.target ?? this.#look(protocol, name, key);
  }

  close(): void {
    for (const key of [...this.#known.keys()]) this.#forget(key);
  }

  async #look(protocol: AnyProtocol, name: string, key: string): Promise<Target | undefined> {
    const ref = await this.#find(protocol, name).catch(orNone);
    if (ref === undefined) return undefined;
    const target = targetOf(ref);
    if (this.#known.has(key)) return target;
    const [oldest] = this.#known.keys();
    if (this.#known.size >= clientLimits.addressesMax) this.#forget(oldest!);
    const watcher: Watcher = { terminated: () => void this.#known.delete(key) };
    try {
      this.#known.set(key, { target, watcher });
      target.watch(watcher);
    } catch {
      // What cannot be watched is found anew each time.
      this.#known.delete(key);
    }
    return target;
  }

  #forget(key: string): void {
    const known = this.#known.get(key);
    this.#known.delete(key);
    known?.target.unwatch(known.watcher);
  }
}

/** An actor of another protocol is none. */
function orNone(error: unknown): undefined {
  if (!isA(error, LookupFailed)) throw error;
}
