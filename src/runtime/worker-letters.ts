/**
 * Dead letters of worker threads, as the main thread's system sees them.
 *
 * Every thread counts its own. A worker posts its counts to the main thread while they change, and the letters
 * themselves only while somebody reads them there, so many at a time at most: a flood of dead letters must not become a
 * flood between threads. What is left out then is counted as missed.
 */
import type { DeadLetterReason, DeadLetters, LostMessage, LostWithPlace } from '../actors/dead-letters.ts';
import type { Host } from '../actors/host.ts';
import type { RegistryIndex } from '../actors/registry.ts';
import { limits } from '../base/limits.ts';
import type { Router } from './router.ts';

/** A letter as plain data. */
interface PostedLetter {
  readonly path: string;
  readonly operation: string;
  readonly reason: DeadLetterReason;
  /** In wire form; undefined where it has none. */
  readonly wire: unknown;
  readonly to:
    | { readonly place: string; readonly cell: number; readonly branch: string; readonly protocol: string }
    | undefined;
  readonly bytesGone: boolean;
}

/** What a worker posts. The counts are of all since it started. */
export interface PostedLetters {
  readonly counts: readonly (readonly [reason: DeadLetterReason, count: number])[];
  readonly lostWithPlace: number;
  /** What was lost with places since the last time, one for each. */
  readonly losses: readonly LostWithPlace[];
  readonly letters: readonly PostedLetter[];
  /** Letters that were left out since the last time. */
  readonly missed: number;
}

/** The worker's side. */
export class LetterBox {
  readonly #host: Host;
  readonly #post: (letters: PostedLetters) => void;
  #letters: PostedLetter[] = [];
  #losses: LostWithPlace[] = [];
  #missed = 0;
  #wanted = false;
  #due = false;

  constructor(host: Host, post: (letters: PostedLetters) => void) {
    this.#host = host;
    this.#post = post;
    host.deadLetters.onLetter = (letter) => this.#add(letter);
    host.deadLetters.onLost = (lost) => this.#addLoss(lost);
  }

  /** Whether somebody reads them on the main thread. */
  wanted(wanted: boolean): void {
    this.#wanted = wanted;
  }

  /** Posts what there is. */
  flush(): void {
    this.#due = false;
    const { countsOfUsers, lostWithPlace } = this.#host.deadLetters;
    const [letters, losses, missed] = [this.#letters, this.#losses, this.#missed];
    this.#post({ counts: [...countsOfUsers], lostWithPlace, losses, letters, missed });
    this.#letters = [];
    this.#losses = [];
    this.#missed = 0;
  }

  #add(letter: LostMessage): void {
    if (this.#wanted) {
      if (this.#letters.length < limits.deadLettersBuffered) this.#letters.push(posted(letter));
      else this.#missed += 1;
    }
    this.#postSoon();
  }

  #addLoss(lost: LostWithPlace): void {
    if (this.#losses.length < limits.deadLettersBuffered) this.#losses.push(lost);
    this.#postSoon();
  }

  #postSoon(): void {
    if (this.#due) return;
    this.#due = true;
    this.#host.environment.clock.timer(limits.deadLetterPostMs, () => {
      if (this.#due) this.flush();
    });
  }
}

function posted({ path, operation, reason, message, target, of, read, bytesGone = false }: LostMessage): PostedLetter {
  let wire: unknown;
  try {
    wire = of === undefined ? undefined : of.input.toWire(read === undefined ? message : read());
  } catch {
    // It has no wire form: its handler changed it, or it never fitted; then what came of it may be looked at.
    if (read !== undefined) wire = message;
  }
  if (target === undefined) return { path, operation, reason, wire, to: undefined, bytesGone };
  const to = { ...target.address(), branch: target.branch(), protocol: target.protocolName };
  return { path, operation, reason, wire, to, bytesGone };
}

/** The main thread's side: what its workers have posted. */
export class WorkerLetters {
  readonly #letters: DeadLetters;
  readonly #host: Host;
  readonly #registry: RegistryIndex;
  readonly #router: Router;
  readonly #latest = new Map<string, PostedLetters>();
  /** Of workers that have ended. */
  readonly #ended = new Map<DeadLetterReason, number>();
  #lostOfEnded = 0;

  constructor(parts: { readonly host: Host; readonly registry: RegistryIndex; readonly router: Router }) {
    this.#host = parts.host;
    this.#letters = parts.host.deadLetters;
    this.#registry = parts.registry;
    this.#router = parts.router;
  }

  /** By reason, of every worker that this process has had. */
  get counts(): readonly (readonly [reason: DeadLetterReason, count: number])[] {
    return [...this.#ended, ...[...this.#latest.values()].flatMap(({ counts }) => counts)];
  }

  get lostWithPlace(): number {
    let lost = this.#lostOfEnded;
    for (const { lostWithPlace } of this.#latest.values()) lost += lostWithPlace;
    return lost;
  }

  take(placeId: string, posted: PostedLetters): void {
    this.#latest.set(placeId, { ...posted, letters: [], losses: [] });
    for (const lost of posted.losses) this.#letters.relayLost(lost);
    this.#letters.readers.missed += posted.missed;
    for (const letter of posted.letters) this.#letters.relay(this.#read(letter));
  }

  /** A worker posts nothing more: what it counted is kept in the sums. */
  ended(placeId: string): void {
    const last = this.#latest.get(placeId);
    if (last === undefined) return;
    this.#latest.delete(placeId);
    for (const [reason, count] of last.counts) this.#ended.set(reason, (this.#ended.get(reason) ?? 0) + count);
    this.#lostOfEnded += last.lostWithPlace;
  }

  #read({ path, operation, reason, wire, to, bytesGone }: PostedLetter): LostMessage {
    const host = this.#host;
    const of = this.#registry.operation(operation);
    const read = of === undefined ? undefined : () => host.fromWire(of.input, wire, host.outside);
    if (to === undefined) return { path, operation, reason, message: wire, of, read, bytesGone };
    const target = this.#router.target({ place: to.place, cell: to.cell }, to.branch, to.protocol);
    return { path, operation, reason, message: wire, target, of, read, bytesGone };
  }
}
