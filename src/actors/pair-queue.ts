/**
 * A queue of pairs in chunks: the backlog of a mailbox.
 *
 * Two slots an entry and no object, since envelope objects fall behind 1.8–5 times when the backlog is long (measured).
 * Chunks are made when they are needed and dropped when they are empty, so they are young: a message that is stored in a
 * young array costs the garbage collector nothing, while each store in one ring that lives long is a slot to remember
 * (a quarter of a tell, measured). The last slot of a chunk leads to the next one.
 */
const firstChunkPairs = 8;
const chunkPairsMax = 128;

/** Stands where no chunk is: full at once, and never written to. */
const noChunk: readonly unknown[] = [undefined];

export class PairQueue<A, B> {
  /** Where the oldest pair is. */
  private head = noChunk as unknown[];
  private headAt = 0;
  /** Where the next pair goes. */
  private tail = noChunk as unknown[];
  private tailAt = 0;
  /** Pairs in the queue. */
  size = 0;

  push(first: A, second: B): void {
    const at = this.tailAt;
    const { tail } = this;
    if (at === tail.length - 1) {
      this.pushInNewChunk(first, second);
      return;
    }
    tail[at] = first;
    tail[at + 1] = second;
    this.tailAt = at + 2;
    this.size += 1;
  }

  /** The first half of the oldest pair. The queue must not be empty. */
  peekFirst(): A {
    return this.head[this.headAt] as A;
  }

  /** Removes the oldest pair and gives its second half; read `peekFirst` before. */
  shiftSecond(): B {
    const at = this.headAt;
    const { head } = this;
    const second = head[at + 1] as B;
    head[at] = undefined;
    head[at + 1] = undefined;
    this.headAt = at + 2;
    this.size -= 1;
    if (this.size === 0) this.drop();
    else if (at + 2 === head.length - 1) this.leaveChunk();
    return second;
  }

  /** Puts a pair before all others. */
  unshift(first: A, second: B): void {
    if (this.size === 0) {
      this.push(first, second);
      return;
    }
    if (this.headAt === 0) {
      const before = newChunk(firstChunkPairs);
      before[before.length - 1] = this.head;
      this.head = before;
      this.headAt = before.length - 1;
    }
    this.headAt -= 2;
    this.head[this.headAt] = first;
    this.head[this.headAt + 1] = second;
    this.size += 1;
  }

  /** The first halves of all pairs, the oldest first. The queue must not change meanwhile. */
  *firsts(): Generator<A> {
    let { head, headAt } = this;
    for (let left = this.size; left > 0; left -= 1) {
      yield head[headAt] as A;
      headAt += 2;
      if (headAt === head.length - 1 && left > 1) {
        head = head[head.length - 1] as unknown[];
        headAt = 0;
      }
    }
  }

  private pushInNewChunk(first: A, second: B): void {
    const { tail } = this;
    const pairs = Math.min(chunkPairsMax, Math.max(firstChunkPairs, tail.length - 1));
    const chunk = newChunk(pairs);
    chunk[0] = first;
    chunk[1] = second;
    if (this.size === 0) {
      this.head = chunk;
      this.headAt = 0;
    } else tail[tail.length - 1] = chunk;
    this.tail = chunk;
    this.tailAt = 2;
    this.size += 1;
  }

  private leaveChunk(): void {
    const { head } = this;
    this.head = head[head.length - 1] as unknown[];
    this.headAt = 0;
  }

  private drop(): void {
    this.head = this.tail = noChunk as unknown[];
    this.headAt = this.tailAt = 0;
  }
}

function newChunk(pairs: number): unknown[] {
  return new Array(pairs * 2 + 1);
}
