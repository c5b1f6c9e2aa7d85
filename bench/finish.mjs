/** How an actor tells the code outside that a pass is over. Peers use the same, so that it weighs the same. */
export class Finish {
  #settle = () => undefined;

  /** Resolves at the next `over()`. Call it before the first message of the pass leaves. */
  next() {
    return new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  over() {
    this.#settle();
  }
}
