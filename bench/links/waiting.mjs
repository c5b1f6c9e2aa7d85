/** Requests that wait for their replies, for those who have none of their own. */
export class Waiting {
  #resolves = new Map();
  #lastId = 0;

  /** @param send sends the request under the id that it gets. @returns the reply. */
  next(send) {
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve) => {
      this.#resolves.set(id, resolve);
      send(id);
    });
  }

  settle(id, value) {
    this.#resolves.get(id)(value);
    this.#resolves.delete(id);
  }
}
