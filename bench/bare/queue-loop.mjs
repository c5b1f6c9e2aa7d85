/** The bare limit of a local message: push it into an array, take the array, call the function on each. */
export class QueueLoop {
  state = { total: 0 };

  /** @param count messages in all. @param burst how many are queued before they are handled. */
  run(count, burst) {
    const state = this.state;
    const handle = (target, message) => {
      target.total += message.n;
    };
    for (let sent = 0; sent < count; sent += burst) {
      const queue = [];
      for (let index = 0; index < burst; index += 1) queue.push({ type: 'inc', n: 1, id: 'abc' });
      for (let index = 0; index < queue.length; index += 1) handle(state, queue[index]);
    }
    return state.total;
  }
}
