/** Calls of a client that are open: what they settle with goes back over its session. */
import type { StreamReader } from '../../actors/stream-reader.ts';
import { clientLimits } from '../../transport/client-limits.ts';

export interface OpenCall {
  /** The client gave up, or is gone. */
  cancel(): void;
}

/** An ask or an offer. */
export class OneAnswer implements OpenCall {
  readonly #abort = new AbortController();

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  cancel(): void {
    this.#abort.abort();
  }
}

/** What a stream needs of its session. */
export interface StreamOutlet {
  readonly hasRoom: boolean;
  whenRoom(): Promise<void>;
  item(value: unknown): void;
  end(): void;
  fail(error: unknown): void;
}

/** Hands the values of an actor's stream on, as far as the client has granted them and its session has room. */
export class ManyAnswers implements OpenCall {
  readonly #outlet: StreamOutlet;
  #granted: number;
  #sent = 0;
  #reader: StreamReader<unknown> | undefined = undefined;
  #isOver = false;
  #onGranted: (() => void) | undefined = undefined;

  constructor(outlet: StreamOutlet, granted: number) {
    this.#outlet = outlet;
    this.#granted = granted;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** @returns whether it grants more. @throws for a grant that lies: backwards, or for more than a client may be behind. */
  grant(total: number): boolean {
    if (total < this.#granted || total > this.#sent + clientLimits.streamGrantMax) throw new Error('a grant that lies');
    const isMore = total > this.#granted;
    this.#granted = total;
    this.#onGranted?.();
    return isMore;
  }

  cancel(): void {
    this.#isOver = true;
    this.#reader?.cancel();
    this.#onGranted?.();
  }

  async read(reader: StreamReader<unknown>): Promise<void> {
    this.#reader = reader;
    try {
      while (await this.#mayGoOn()) {
        const { done, value } = await reader.next();
        if (this.#isOver) return;
        if (done) break;
        this.#sent += 1;
        this.#outlet.item(value);
      }
      if (!this.#isOver) this.#outlet.end();
    } catch (error) {
      if (!this.#isOver) this.#outlet.fail(error);
    } finally {
      this.#isOver = true;
      reader.cancel();
    }
  }

  async #mayGoOn(): Promise<boolean> {
    while (!this.#isOver && (this.#sent >= this.#granted || !this.#outlet.hasRoom)) {
      if (this.#sent < this.#granted) await this.#outlet.whenRoom();
      else {
        await new Promise<void>((resolve) => {
          this.#onGranted = resolve;
        });
      }
    }
    return !this.#isOver;
  }
}
