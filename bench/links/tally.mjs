/** What a receiver has handled: how many, the sum of their numbers, and how many did not follow the one before them. */
export class Tally {
  #count = 0;
  #sum = 0;
  #outOfOrder = 0;
  #last = 0;

  take({ n }) {
    this.#count += 1;
    this.#sum += n;
    if (n !== this.#last + 1) this.#outOfOrder += 1;
    this.#last = n;
  }

  /** @returns the figures, which begin anew. */
  read() {
    const figures = { count: this.#count, sum: this.#sum, outOfOrder: this.#outOfOrder };
    this.#count = this.#sum = this.#outOfOrder = this.#last = 0;
    return figures;
  }
}
