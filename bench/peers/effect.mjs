/**
 * The programs of `bench/programs.mjs` for Effect: an actor is a fiber that takes from its queue; a reply is a Deferred
 * in the message, awaited with a timeout.
 */
import { Deferred, Effect, Fiber, Queue } from 'effect';
import { Finish } from '../finish.mjs';
import { checkTotal } from '../measure.mjs';
import { colourOf, complement, inc, leavesOf, nextSeed, primesAmong, sumBelow } from '../problems.mjs';
import { sizes } from '../sizes.mjs';

const deadline = '5 seconds';
const finish = new Finish();

/** Forks the fiber of an actor, which handles for ever what its queue gives. */
const actorOf = (queue, handle) =>
  Effect.forkDetach(
    Effect.gen(function* () {
      for (;;) yield* handle(yield* Queue.take(queue));
    }),
  );

const nothing = Effect.void;
const finished = Effect.sync(() => finish.over());

/** An actor made of its handler, which gets its queue. @returns the queue. */
const started = (makeHandler) =>
  Effect.gen(function* () {
    const queue = yield* Queue.unbounded();
    yield* actorOf(queue, makeHandler(queue));
    return queue;
  });

const many = (length, makeHandler) =>
  Effect.gen(function* () {
    const queues = [];
    for (let index = 0; index < length; index += 1) queues.push(yield* started((self) => makeHandler(self, index)));
    return queues;
  });

const requested = (queue, type) =>
  Effect.gen(function* () {
    const reply = yield* Deferred.make();
    yield* Queue.offer(queue, { type, n: 1, id: 'abc', reply });
    return yield* Effect.timeout(Deferred.await(reply), deadline);
  });

const counter = () => {
  let total = 0;
  return (message) => {
    if (message.type === 'inc' || message.type === 'add') total += message.n;
    return message.reply === undefined ? nothing : Deferred.succeed(message.reply, total);
  };
};

/** A program that starts its actors once; `pass` gives the effect of a pass. */
async function program(setUp) {
  const { pass, clear } = await Effect.runPromise(setUp);
  return {
    pass: (count) => Effect.runPromise(pass(count)),
    clear: clear && (() => Effect.runPromise(clear())),
    close: () => undefined,
  };
}

/** A pass that begins with `begin` and is over when an actor says so. */
const untilOver = (begin, check = () => undefined) =>
  Effect.gen(function* () {
    const over = finish.next();
    yield* begin;
    yield* Effect.promise(() => over);
    check();
  });

const pingPong = Effect.gen(function* () {
  let hits = 0;
  const [left, right] = yield* many(2, (_self, index) => ({ n }) => {
    hits += 1;
    return n > 0 ? Queue.offer(index === 0 ? right : left, { type: 'inc', n: n - 1, id: 'abc' }) : finished;
  });
  return {
    pass(count) {
      hits = 0;
      const begin = Queue.offer(left, { type: 'inc', n: count - 1, id: 'abc' });
      return untilOver(begin, () => checkTotal('hits', hits, count));
    },
  };
});

const counting = Effect.gen(function* () {
  const queue = yield* started(counter);
  let expected = 0;
  return {
    pass: (count) =>
      Effect.gen(function* () {
        for (let sent = 0; sent < count; sent += sizes.countingBurst) {
          for (let index = 0; index < sizes.countingBurst; index += 1) yield* Queue.offer(queue, inc());
          expected += sizes.countingBurst;
          checkTotal('total', yield* requested(queue, 'total'), expected);
        }
      }),
  };
});

const fanIn = Effect.gen(function* () {
  let total = 0;
  let expected = 0;
  const to = yield* started(() => ({ n }) => {
    total += n;
    return total === expected ? finished : nothing;
  });
  const from = yield* many(sizes.fanInSenders, (self) => {
    let left = 0;
    return (message) =>
      Effect.gen(function* () {
        if (message.type === 'send') left = message.count;
        for (let sent = 0; sent < sizes.fanInBurst; sent += 1) yield* Queue.offer(to, inc());
        left -= sizes.fanInBurst;
        if (left > 0) yield* Queue.offer(self, { type: 'next' });
      });
  });
  return {
    pass(count) {
      expected += count;
      return untilOver(
        Effect.gen(function* () {
          for (const queue of from) yield* Queue.offer(queue, { type: 'send', count: count / from.length });
        }),
      );
    },
  };
});

const threadRing = Effect.gen(function* () {
  let hops = 0;
  const ring = yield* many(sizes.ringMembers, (_self, index) => ({ n }) => {
    hops += 1;
    return n > 0 ? Queue.offer(ring[(index + 1) % ring.length], { type: 'inc', n: n - 1, id: 'abc' }) : finished;
  });
  return {
    pass(count) {
      hops = 0;
      const begin = Queue.offer(ring[0], { type: 'inc', n: count - 1, id: 'abc' });
      return untilOver(begin, () => checkTotal('hops', hops, count));
    },
  };
});

const ask = Effect.gen(function* () {
  const queue = yield* started(counter);
  let expected = 0;
  return {
    pass: (count) =>
      Effect.gen(function* () {
        let total = 0;
        for (let asked = 0; asked < count; asked += 1) total = yield* requested(queue, 'add');
        expected += count;
        checkTotal('total', total, expected);
      }),
  };
});

const spawning = Effect.sync(() => {
  let left = 0;
  let fibers = [];
  const newborn =
    () =>
    ({ n }) => {
      left -= n;
      return left === 0 ? finished : nothing;
    };
  return {
    pass(count) {
      left = count;
      return untilOver(
        Effect.gen(function* () {
          for (let spawned = 0; spawned < count; spawned += 1) {
            const queue = yield* Queue.unbounded();
            fibers.push(yield* actorOf(queue, newborn()));
            yield* Queue.offer(queue, inc());
          }
        }),
      );
    },
    clear() {
      const all = fibers;
      fibers = [];
      return Fiber.interruptAll(all);
    },
  };
});

const forkJoinCreate = Effect.gen(function* () {
  const child = (queue) =>
    Effect.gen(function* () {
      const { n, parent } = yield* Queue.take(queue);
      yield* Queue.offer(parent, { type: 'report', n });
    });
  const parent = yield* started((self) => {
    let left = 0;
    return (message) => {
      if (message.type === 'report') {
        left -= message.n;
        return left === 0 ? finished : nothing;
      }
      left = message.count;
      return Effect.gen(function* () {
        for (let forked = 0; forked < message.count; forked += 1) {
          const queue = yield* Queue.unbounded();
          yield* Effect.forkChild(child(queue));
          yield* Queue.offer(queue, { type: 'work', n: 1, parent: self });
        }
      });
    };
  });
  return { pass: (count) => untilOver(Queue.offer(parent, { type: 'fork', count })) };
});

const boundedBuffer = Effect.gen(function* () {
  let taken = 0;
  let expected = 0;
  const buffer = yield* Queue.bounded(sizes.bufferItems);
  yield* actorOf(buffer, ({ n }) => {
    taken += n;
    return taken === expected ? finished : nothing;
  });
  const producers = yield* many(
    sizes.producers,
    () =>
      ({ count }) =>
        Effect.gen(function* () {
          for (let made = 0; made < count; made += 1) yield* Queue.offer(buffer, inc());
        }),
  );
  return {
    pass(count) {
      expected += count;
      return untilOver(
        Effect.gen(function* () {
          for (const queue of producers) yield* Queue.offer(queue, { count: count / producers.length });
        }),
      );
    },
  };
});

const big = Effect.gen(function* () {
  let pinging = 0;
  let pongs = 0;
  const pingers = yield* many(sizes.pingers, (self, index) => {
    let seed = index + 1;
    let left = 0;
    return (message) => {
      if (message.type === 'ping') return Queue.offer(message.from, { type: 'pong', id: message.id });
      if (message.type === 'go') left = message.count;
      else {
        pongs += 1;
        left -= 1;
      }
      if (left === 0) {
        pinging -= 1;
        return pinging === 0 ? finished : nothing;
      }
      seed = nextSeed(seed);
      return Queue.offer(pingers[seed % pingers.length], { type: 'ping', from: self, id: 'abc' });
    };
  });
  return {
    pass(count) {
      pinging = pingers.length;
      pongs = 0;
      return untilOver(
        Effect.gen(function* () {
          for (const queue of pingers) yield* Queue.offer(queue, { type: 'go', count: count / pingers.length });
        }),
        () => checkTotal('pongs', pongs, count),
      );
    },
  };
});

const chameneos = Effect.gen(function* () {
  let meetings = 0;
  const mall = yield* started(() => {
    let left = 0;
    let waiting;
    return (message) =>
      Effect.gen(function* () {
        if (message.type === 'open') {
          left = message.count;
          waiting = undefined;
        } else if (left > 0 && waiting === undefined) waiting = message;
        else if (left > 0) {
          const other = waiting;
          waiting = undefined;
          left -= 1;
          yield* Queue.offer(other.from, { type: 'met', colour: message.colour });
          yield* Queue.offer(message.from, { type: 'met', colour: other.colour });
          if (left === 0) yield* Queue.offer(message.from, { type: 'closed' });
        }
      });
  });
  const creatures = yield* many(sizes.creatures, (self, index) => {
    let colour = colourOf(index);
    return (message) => {
      if (message.type === 'closed') return finished;
      if (message.type === 'met') {
        meetings += 1;
        colour = complement(colour, message.colour);
      }
      return Queue.offer(mall, { type: 'meet', from: self, colour });
    };
  });
  return {
    pass(count) {
      meetings = 0;
      return untilOver(
        Effect.gen(function* () {
          yield* Queue.offer(mall, { type: 'open', count });
          for (const queue of creatures) yield* Queue.offer(queue, { type: 'go' });
        }),
        () => checkTotal('meetings', meetings, 2 * count),
      );
    },
  };
});

const skynet = Effect.sync(() => {
  let found;
  const member = (parent, first, leaves) =>
    Effect.gen(function* () {
      if (leaves === 1) {
        yield* Queue.offer(parent, first);
        return;
      }
      const self = yield* Queue.unbounded();
      const share = leaves / 10;
      for (let index = 0; index < 10; index += 1) {
        yield* Effect.forkDetach(member(self, first + index * share, share));
      }
      let sum = 0;
      for (let index = 0; index < 10; index += 1) sum += yield* Queue.take(self);
      yield* Queue.offer(parent, sum);
    });
  return {
    pass: (count) =>
      Effect.gen(function* () {
        const leaves = leavesOf(count);
        const outside = yield* Queue.unbounded();
        yield* Effect.forkDetach(member(outside, 0, leaves));
        found = yield* Queue.take(outside);
        checkTotal('sum', found, sumBelow(leaves));
      }),
  };
});

const sieve = Effect.sync(() => {
  let primes = 0;
  const filter = (queue) =>
    Effect.gen(function* () {
      const { n: prime } = yield* Queue.take(queue);
      let next;
      for (;;) {
        const message = yield* Queue.take(queue);
        if (message.type === 'last') {
          if (next !== undefined) yield* Queue.offer(next, { type: 'last', primes: message.primes + 1 });
          else {
            primes = message.primes + 1;
            finish.over();
          }
          return;
        }
        if (message.n % prime === 0) continue;
        if (next === undefined) {
          next = yield* Queue.unbounded();
          yield* Effect.forkDetach(filter(next));
        }
        yield* Queue.offer(next, message);
      }
    });
  return {
    pass: (count) =>
      untilOver(
        Effect.gen(function* () {
          const first = yield* Queue.unbounded();
          yield* Effect.forkDetach(filter(first));
          for (let number = 2; number < count + 2; number += 1) {
            yield* Queue.offer(first, { type: 'number', n: number, id: 'abc' });
          }
          yield* Queue.offer(first, { type: 'last', primes: 0 });
        }),
        () => checkTotal('primes', primes, primesAmong(count)),
      ),
  };
});

export const programs = {
  'ping-pong': () => program(pingPong),
  counting: () => program(counting),
  'fan-in': () => program(fanIn),
  'thread-ring': () => program(threadRing),
  ask: () => program(ask),
  spawn: () => program(spawning),
  'fork-join-create': () => program(forkJoinCreate),
  'bounded-buffer': () => program(boundedBuffer),
  big: () => program(big),
  chameneos: () => program(chameneos),
  skynet: () => program(skynet),
  sieve: () => program(sieve),
};
