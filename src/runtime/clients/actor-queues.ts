/**
 * One client's messages to each actor, one behind the other: one that waits for room, or for the actor to be found, holds
 * back those behind it and nobody else's, so that the actor gets them in their order.
 */

/** Hands one message on. Must not reject; what comes behind waits while it is pending. */
export type Delivery = () => Promise<void> | undefined;

export class ActorQueues {
  /** What waits behind a delivery that is pending. */
  readonly #waiting = new Map<string, Delivery[]>();

  run(actor: string, deliver: Delivery): void {
    const waiting = this.#waiting.get(actor);
    if (waiting !== undefined) {
      waiting.push(deliver);
      return;
    }
    const pending = deliver();
    if (pending === undefined) return;
    this.#waiting.set(actor, []);
    void this.#follow(actor, pending);
  }

  async #follow(actor: string, first: Promise<void>): Promise<void> {
    await first;
    const waiting = this.#waiting.get(actor)!;
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await next();
    this.#waiting.delete(actor);
  }
}
