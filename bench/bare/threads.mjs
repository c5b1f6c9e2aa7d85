/** The bare limits between threads, as their senders: one `postMessage` for each message, and for each answer. */
import { Worker } from 'node:worker_threads';

export class BareThreads {
  #workers;
  #waiting = new Map();
  #lastId = 0;

  constructor(count) {
    this.#workers = Array.from({ length: count }, () => {
      const worker = new Worker(new URL('./thread-peer.mjs', import.meta.url));
      worker.on('message', ({ id, answer }) => {
        this.#waiting.get(id)(answer);
        this.#waiting.delete(id);
      });
      return worker;
    });
  }

  /** Posts to all in turn. @returns their totals, added up. */
  async tell(count) {
    const workers = this.#workers;
    for (let sent = 0; sent < count; sent += 1) {
      workers[sent % workers.length].postMessage({ type: 'inc', n: 1, id: 'abc' });
    }
    const totals = await Promise.all(workers.map((worker) => this.#ask(worker, { type: 'total' })));
    return totals.reduce((sum, total) => sum + total, 0);
  }

  /** Of the first: its total after this message. */
  add(message) {
    return this.#ask(this.#workers[0], { type: 'add', message });
  }

  fib(worker, n) {
    return this.#ask(this.#workers[worker], { type: 'fib', n });
  }

  end() {
    return Promise.all(this.#workers.map((worker) => worker.terminate()));
  }

  #ask(worker, question) {
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      worker.postMessage({ ...question, id });
    });
  }
}
