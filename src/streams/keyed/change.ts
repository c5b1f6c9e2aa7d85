/**
 * Streams of updates: what a key came to, again and again.
 *
 * An ordinary stage is an append stream: each element stands for good. In an upsert stream an element replaces the one
 * of its key that came before, and says which that was, so that whoever counted it can take it back.
 */
import { Observable } from 'rxjs';
import type { Pane } from '../windows/trigger.ts';

/** What a key came to, and what that replaces. */
export interface Change<K, V> {
  /** The key. */
  readonly key: K;
  /** What holds from now on. */
  readonly value: V;
  /** What held before; undefined where there was nothing. */
  readonly previous: V | undefined;
}

/**
 * A change as a group sees that counts values: one that comes, one that goes, or both.
 *
 * A change whose value stays in its group is one revision; one that moves it to another group is two.
 */
export interface Revision {
  readonly added: unknown;
  readonly removed: unknown;
}

/** The group of a revision. */
export function groupOfRevision<G>(groupOf: (value: unknown) => G): (revision: Revision) => G {
  return ({ added, removed }) => groupOf(added === undefined ? removed : added);
}

/** A result of a window may take the place of those of other windows too. */
interface Paned {
  readonly pane: Pane;
}

/** Makes revisions of the groups that changes are about out of changes: what goes comes before what comes. */
export function toRevisions(
  groupOf: (value: unknown) => unknown,
): (changes: Observable<Change<unknown, unknown>>) => Observable<Revision> {
  return (changes) =>
    new Observable((subscriber) =>
      changes.subscribe({
        next: (change) => {
          const { value, previous } = change;
          for (const { value: removed } of (change as Partial<Paned>).pane?.replaces ?? []) {
            subscriber.next({ added: undefined, removed });
          }
          if (value === undefined || previous === undefined || groupOf(value) === groupOf(previous)) {
            subscriber.next({ added: value, removed: previous });
          } else {
            subscriber.next({ added: undefined, removed: previous });
            subscriber.next({ added: value, removed: undefined });
          }
        },
        error: (thrown) => subscriber.error(thrown),
        complete: () => subscriber.complete(),
      }),
    );
}
