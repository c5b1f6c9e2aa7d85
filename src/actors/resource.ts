/**
 * Resources: what actors share on one place and cannot send, such as a connection pool.
 *
 * Opened once per place before its first user starts, closed after its last has ended. Found by name, so that tests can
 * put another in its place.
 */
import type { Cancel, Clock } from '../base/environment/clock.ts';
import { describeThrown, UsageError } from '../base/errors.ts';
import { SpawnFailed } from './errors.ts';
import { checkFunction, checkKeys } from './given.ts';
import { checkName } from './operation.ts';

/** What actors of one place share and cannot send, such as a connection pool. Made by {@link resource}. */
export interface Resource<N extends string, V> {
  /** Tells resources from actors and flows in a registry. */
  readonly kind: 'resource';
  /** How it is found; tests put a fake in its place by it. */
  readonly name: N;
  /** Makes the value, once per place, before its first user starts. */
  readonly open: (context: { readonly signal: AbortSignal }) => Promise<V> | V;
  /** A method and no property, so that a resource of any value fits where `Resource<string, unknown>` is meant. */
  close?(value: V): Promise<void> | void;
}

/**
 * Declares a resource.
 *
 * @param options.open makes the value; may be asynchronous; a failure fails the start of the actor that needs it.
 *   Its `signal` aborts when the system shuts down meanwhile.
 * @param options.close called once the last user on the place has ended.
 */
export function resource<const N extends string, V>(
  name: N,
  options: {
    open: (context: { readonly signal: AbortSignal }) => Promise<V> | V;
    close?: (value: NoInfer<V>) => Promise<void> | void;
  },
): Resource<N, V> {
  checkName(name, 'the name of a resource');
  checkKeys(options, ['open', 'close'], `resource "${name}"`);
  const { open, close } = options;
  checkFunction(open, `resource "${name}": open`);
  if (close !== undefined) checkFunction(close, `resource "${name}": close`);
  return { kind: 'resource', name, open, ...(close === undefined ? {} : { close }) };
}

interface Opened {
  users: number;
  readonly resource: Resource<string, unknown>;
  readonly opening: Promise<unknown>;
  /** The same for its users, who wait no longer than until the abort. */
  readonly value: Promise<unknown>;
  ready: { readonly value: unknown } | undefined;
}

/** The resources that are open on one place. */
export class Resources {
  readonly #opened = new Map<string, Opened>();
  readonly #closing = new Map<Promise<void>, string>();
  readonly #abort = new AbortController();
  readonly #onCloseFailed: (name: string, error: unknown) => void;

  constructor(onCloseFailed: (name: string, error: unknown) => void) {
    this.#onCloseFailed = onCloseFailed;
  }

  /** Opens what is not open yet. Resolves when all are ready. @throws SpawnFailed(resource) */
  async acquire(resources: readonly Resource<string, unknown>[]): Promise<void> {
    const taken: Resource<string, unknown>[] = [];
    try {
      for (const wanted of resources) {
        taken.push(wanted);
        await this.#open(wanted).value;
      }
    } catch (error) {
      const failed = taken.at(-1)?.name ?? '';
      for (const one of taken) this.#release(one.name);
      throw new SpawnFailed('resource', `resource "${failed}" could not be opened: ${describeThrown(error)}`, error);
    }
  }

  release(resources: readonly Resource<string, unknown>[]): void {
    for (const one of resources) this.#release(one.name);
  }

  value(name: string): unknown {
    const opened = this.#opened.get(name)?.ready;
    if (opened === undefined) {
      throw new UsageError(`resource "${name}" is not open for this actor; name it in the actor's \`uses\``);
    }
    return opened.value;
  }

  /** What is being closed, by the promise of it. */
  get closing(): ReadonlyMap<object, string> {
    return this.#closing;
  }

  /** Aborts what is still opening; the actors that wait for it do not start. */
  abort(): void {
    this.#abort.abort(new Error('the system is shutting down'));
  }

  /** Waits for what is closing. Resolves with the names of what was not closed after `deadlineMs`. */
  async close(clock: Clock, deadlineMs: number): Promise<readonly string[]> {
    let cancel: Cancel | undefined;
    const deadline = new Promise<void>((resolve) => {
      cancel = clock.wake(deadlineMs, resolve);
    });
    await Promise.race([Promise.all(this.#closing.keys()), deadline]);
    cancel?.();
    return [...this.#closing.values()];
  }

  #open(wanted: Resource<string, unknown>): Opened {
    const known = this.#opened.get(wanted.name);
    if (known !== undefined) {
      known.users += 1;
      return known;
    }
    const { signal } = this.#abort;
    const opening = (async () => {
      signal.throwIfAborted();
      return wanted.open({ signal });
    })();
    const value = untilAborted(opening, signal);
    const opened: Opened = { users: 1, resource: wanted, opening, value, ready: undefined };
    this.#opened.set(wanted.name, opened);
    value.then(
      (ready) => {
        opened.ready = { value: ready };
      },
      () => {
        // Whoever waits for it is told; the next user opens it anew.
        if (this.#opened.get(wanted.name) === opened) this.#opened.delete(wanted.name);
      },
    );
    return opened;
  }

  #release(name: string): void {
    const opened = this.#opened.get(name);
    if (opened === undefined) return;
    opened.users -= 1;
    if (opened.users > 0) return;
    this.#opened.delete(name);
    const closing = opened.opening
      .then((value) => opened.resource.close?.(value))
      .catch((error: unknown) => this.#onCloseFailed(name, error))
      .finally(() => this.#closing.delete(closing));
    this.#closing.set(closing, name);
  }
}

function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
