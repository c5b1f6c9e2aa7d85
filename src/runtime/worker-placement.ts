/** How a worker learns where a child is to run: it asks its main thread, which knows the places, and then spawns there. */
import { SpawnFailed } from '../actors/errors.ts';
import type { Where } from '../actors/placed/where.ts';
import type { FromWorker, PlaceAnswer } from './thread-messages.ts';

/** The questions of one worker that are open. */
export class PlaceQuestions {
  readonly #tellMain: (message: FromWorker) => void;
  readonly #open = new Map<number, { resolve(placeId: string): void; reject(error: Error): void }>();
  #next = 1;

  constructor(tellMain: (message: FromWorker) => void) {
    this.#tellMain = tellMain;
  }

  /** The id of the place that it says. @throws SpawnFailed */
  choose(where: Where, actor: string): Promise<string> {
    const question = this.#next;
    this.#next += 1;
    return new Promise((resolve, reject) => {
      this.#open.set(question, { resolve, reject });
      this.#tellMain({ kind: 'place-wanted', question, where, actor });
    });
  }

  answered({ question, placeId, refused }: PlaceAnswer): void {
    const open = this.#open.get(question);
    this.#open.delete(question);
    if (placeId !== undefined) open?.resolve(placeId);
    else open?.reject(new SpawnFailed(refused?.reason ?? 'no-place', refused?.message ?? 'no place was found'));
  }
}

/** The answer to a worker that asked for a place. */
export async function placeAnswer(question: number, choose: () => Promise<string>): Promise<PlaceAnswer> {
  try {
    return { kind: 'place-found', question, placeId: await choose() };
  } catch (error) {
    const reason = error instanceof SpawnFailed ? error.reason : 'no-place';
    return { kind: 'place-found', question, refused: { reason, message: (error as Error).message } };
  }
}
