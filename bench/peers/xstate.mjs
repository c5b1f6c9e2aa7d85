/**
 * The programs of `bench/programs.mjs` for xstate: actors from transition functions, the fastest kind it has.
 *
 * `send` runs the receiver at once, on the stack of the sender. A reply is a callback in the event, since xstate knows
 * no request; it has no deadline. A transition function also gets the event that stops its actor.
 */
import { createActor, fromTransition } from 'xstate';
import { Finish } from '../finish.mjs';
import { checkTotal } from '../measure.mjs';
import { colourOf, complement, inc, leavesOf, nextSeed, primesAmong, sumBelow } from '../problems.mjs';
import { sizes } from '../sizes.mjs';

const finish = new Finish();
const stopEvent = 'xstate.stop';

const counter = fromTransition(
  (total, event) => {
    if (event.type === 'inc') return total + event.n;
    const sum = event.type === 'add' ? total + event.n : total;
    event.reply(sum);
    return sum;
  },
  () => 0,
);

const started = (logic, input) => createActor(logic, { input }).start();
const many = (length, logic, inputOf = () => undefined) =>
  Array.from({ length }, (_, index) => started(logic, inputOf(index)));
const requested = (ref, type) => new Promise((reply) => ref.send({ type, n: 1, id: 'abc', reply }));
const stopAll = (refs) => {
  for (const ref of refs) ref.stop();
};

function pingPong() {
  const player = fromTransition(
    (state, event) => {
      if (event.type === 'join') return { ...state, peer: event.peer };
      if (event.n > 0) state.peer.send({ type: 'inc', n: event.n - 1, id: 'abc' });
      else finish.over();
      return { ...state, hits: state.hits + 1 };
    },
    () => ({ hits: 0 }),
  );
  const [left, right] = many(2, player);
  left.send({ type: 'join', peer: right });
  right.send({ type: 'join', peer: left });
  let expected = 0;
  return {
    async pass(count) {
      const over = finish.next();
      left.send({ type: 'inc', n: count - 1, id: 'abc' });
      await over;
      expected += count;
      checkTotal('hits', left.getSnapshot().context.hits + right.getSnapshot().context.hits, expected);
    },
    close: () => undefined,
  };
}

function counting() {
  const ref = started(counter);
  let expected = 0;
  return {
    async pass(count) {
      for (let sent = 0; sent < count; sent += sizes.countingBurst) {
        for (let index = 0; index < sizes.countingBurst; index += 1) ref.send(inc());
        expected += sizes.countingBurst;
        checkTotal('total', await requested(ref, 'total'), expected);
      }
    },
    close: () => undefined,
  };
}

function fanIn() {
  const sink = fromTransition(
    (state, event) => {
      if (event.type === 'expect') return { ...state, expected: event.total };
      const total = state.total + event.n;
      if (total === state.expected) finish.over();
      return { ...state, total };
    },
    () => ({ total: 0, expected: 0 }),
  );
  const sender = fromTransition(
    (left, event, { self }) => {
      const before = event.type === 'send' ? event.count : left;
      for (let sent = 0; sent < sizes.fanInBurst; sent += 1) to.send(inc());
      if (before > sizes.fanInBurst) self.send({ type: 'next' });
      return before - sizes.fanInBurst;
    },
    () => 0,
  );
  const to = started(sink);
  const from = many(sizes.fanInSenders, sender);
  let expected = 0;
  return {
    async pass(count) {
      const over = finish.next();
      expected += count;
      to.send({ type: 'expect', total: expected });
      for (const ref of from) ref.send({ type: 'send', count: count / from.length });
      await over;
    },
    close: () => undefined,
  };
}

function threadRing() {
  const member = fromTransition(
    (state, event) => {
      if (event.type === 'link') return { next: event.next };
      if (event.n > 0) state.next.send({ type: 'inc', n: event.n - 1, id: 'abc' });
      else finish.over();
      return state;
    },
    () => ({}),
  );
  const ring = many(sizes.ringMembers, member);
  ring.forEach((ref, index) => {
    ref.send({ type: 'link', next: ring[(index + 1) % ring.length] });
  });
  return {
    async pass(count) {
      const over = finish.next();
      ring[0].send({ type: 'inc', n: count - 1, id: 'abc' });
      await over;
    },
    close: () => undefined,
  };
}

function ask() {
  const ref = started(counter);
  let expected = 0;
  return {
    async pass(count) {
      let total = 0;
      for (let asked = 0; asked < count; asked += 1) {
        total = await requested(ref, 'add');
      }
      expected += count;
      checkTotal('total', total, expected);
    },
    close: () => undefined,
  };
}

function spawning() {
  let left = 0;
  let refs = [];
  const newborn = fromTransition(
    (total, { type, n }) => {
      if (type === stopEvent) return total;
      left -= n;
      if (left === 0) finish.over();
      return total + n;
    },
    () => 0,
  );
  return {
    async pass(count) {
      left = count;
      const over = finish.next();
      for (let spawned = 0; spawned < count; spawned += 1) {
        const ref = started(newborn);
        ref.send(inc());
        refs.push(ref);
      }
      await over;
    },
    clear() {
      stopAll(refs);
      refs = [];
    },
    close: () => undefined,
  };
}

function forkJoinCreate() {
  const child = fromTransition(
    (state, event, { self }) => {
      if (event.type === stopEvent) return state;
      event.parent.send({ type: 'report', n: event.n });
      self.stop();
      return state;
    },
    () => undefined,
  );
  const parent = fromTransition(
    (left, event, { self }) => {
      if (event.type === 'report') {
        if (left === event.n) finish.over();
        return left - event.n;
      }
      for (let forked = 0; forked < event.count; forked += 1) {
        started(child).send({ type: 'work', n: 1, parent: self });
      }
      return event.count;
    },
    () => 0,
  );
  const ref = started(parent);
  return {
    async pass(count) {
      const over = finish.next();
      ref.send({ type: 'fork', count });
      await over;
    },
    close: () => undefined,
  };
}

function boundedBuffer() {
  const buffer = started(counter);
  let producing = 0;
  const producer = fromTransition(
    (left, event, { self }) => {
      const before = event.type === 'produce' ? event.count : left;
      if (before > 0) buffer.send({ type: 'add', n: 1, id: 'abc', reply: () => self.send({ type: 'taken' }) });
      else {
        producing -= 1;
        if (producing === 0) finish.over();
      }
      return before - 1;
    },
    () => 0,
  );
  const producers = many(sizes.producers, producer);
  let expected = 0;
  return {
    async pass(count) {
      const over = finish.next();
      producing = producers.length;
      for (const ref of producers) ref.send({ type: 'produce', count: count / producers.length });
      await over;
      expected += count;
      checkTotal('items', await requested(buffer, 'total'), expected);
    },
    close: () => undefined,
  };
}

function big() {
  let pinging = 0;
  let pongs = 0;
  const pinger = fromTransition(
    (state, event, { self }) => {
      if (event.type === 'ping') {
        event.from.send({ type: 'pong', id: event.id });
        return state;
      }
      const left = event.type === 'go' ? event.count : state.left - 1;
      if (event.type === 'pong') pongs += 1;
      if (left === 0) {
        pinging -= 1;
        if (pinging === 0) finish.over();
        return { ...state, left };
      }
      const seed = nextSeed(state.seed);
      pingers[seed % pingers.length].send({ type: 'ping', from: self, id: 'abc' });
      return { seed, left };
    },
    ({ input }) => ({ seed: input, left: 0 }),
  );
  const pingers = many(sizes.pingers, pinger, (index) => index + 1);
  return {
    async pass(count) {
      const over = finish.next();
      pinging = pingers.length;
      pongs = 0;
      for (const ref of pingers) ref.send({ type: 'go', count: count / pingers.length });
      await over;
      checkTotal('pongs', pongs, count);
    },
    close: () => undefined,
  };
}

function chameneos() {
  let meetings = 0;
  const broker = fromTransition(
    (state, event) => {
      if (event.type === 'open') return { left: event.count };
      if (state.left === 0) return state;
      if (state.waiting === undefined) return { ...state, waiting: event };
      state.waiting.from.send({ type: 'met', colour: event.colour });
      event.from.send({ type: 'met', colour: state.waiting.colour });
      if (state.left === 1) event.from.send({ type: 'closed' });
      return { left: state.left - 1 };
    },
    () => ({ left: 0 }),
  );
  const creature = fromTransition(
    (colour, event, { self }) => {
      if (event.type === 'closed') {
        finish.over();
        return colour;
      }
      const next = event.type === 'met' ? complement(colour, event.colour) : colour;
      if (event.type === 'met') meetings += 1;
      mall.send({ type: 'meet', from: self, colour: next });
      return next;
    },
    ({ input }) => input,
  );
  const mall = started(broker);
  const creatures = many(sizes.creatures, creature, colourOf);
  return {
    async pass(count) {
      const over = finish.next();
      meetings = 0;
      mall.send({ type: 'open', count });
      for (const ref of creatures) ref.send({ type: 'go' });
      await over;
      checkTotal('meetings', meetings, 2 * count);
    },
    close: () => undefined,
  };
}

function skynet() {
  let found;
  const member = fromTransition(
    (state, event, { self }) => {
      if (event.type === stopEvent) return state;
      if (event.type === 'sum') {
        const next = { ...state, missing: state.missing - 1, sum: state.sum + event.sum };
        if (next.missing > 0) return next;
        if (next.parent === undefined) {
          found = next.sum;
          finish.over();
        } else next.parent.send({ type: 'sum', sum: next.sum });
        self.stop();
        return next;
      }
      const { first, leaves, parent } = event;
      if (leaves === 1) {
        parent.send({ type: 'sum', sum: first });
        self.stop();
        return state;
      }
      const share = leaves / 10;
      for (let index = 0; index < 10; index += 1) {
        started(member).send({ type: 'grow', first: first + index * share, leaves: share, parent: self });
      }
      return { ...state, parent };
    },
    () => ({ missing: 10, sum: 0 }),
  );
  return {
    async pass(count) {
      const over = finish.next();
      const leaves = leavesOf(count);
      started(member).send({ type: 'grow', first: 0, leaves });
      await over;
      checkTotal('sum', found, sumBelow(leaves));
    },
    close: () => undefined,
  };
}

function sieve() {
  let primes = 0;
  let all = [];
  const filter = fromTransition(
    (state, event) => {
      if (event.type === stopEvent) return state;
      if (event.type === 'last') {
        if (state.next !== undefined) state.next.send({ type: 'last', primes: event.primes + 1 });
        else {
          primes = event.primes + 1;
          finish.over();
        }
        return state;
      }
      if (state.prime === undefined) return { prime: event.n };
      if (event.n % state.prime === 0) return state;
      const next = state.next ?? startFilter();
      next.send(event);
      return state.next === undefined ? { ...state, next } : state;
    },
    () => ({}),
  );
  const startFilter = () => {
    const ref = started(filter);
    all.push(ref);
    return ref;
  };
  return {
    async pass(count) {
      const over = finish.next();
      const first = startFilter();
      for (let number = 2; number < count + 2; number += 1) first.send({ type: 'number', n: number, id: 'abc' });
      first.send({ type: 'last', primes: 0 });
      await over;
      checkTotal('primes', primes, primesAmong(count));
    },
    clear() {
      stopAll(all);
      all = [];
    },
    close: () => undefined,
  };
}

export const programs = {
  'ping-pong': pingPong,
  counting,
  'fan-in': fanIn,
  'thread-ring': threadRing,
  ask,
  spawn: spawning,
  'fork-join-create': forkJoinCreate,
  'bounded-buffer': boundedBuffer,
  big,
  chameneos,
  skynet,
  sieve,
};
