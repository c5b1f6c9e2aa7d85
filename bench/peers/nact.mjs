/** The programs of `bench/programs.mjs` for nact: actors are functions of state and message, names are given. */
import { dispatch, query, spawn, start, stop } from 'nact';
import { Finish } from '../finish.mjs';
import { checkTotal } from '../measure.mjs';
import { colourOf, complement, inc, leavesOf, nextSeed, primesAmong, sumBelow } from '../problems.mjs';
import { sizes } from '../sizes.mjs';

const deadlineMs = 5_000;
const finish = new Finish();
let names = 0;
/** A name that nact makes up itself is drawn from 2^31 and collides among 10,000 actors. */
function name() {
  names += 1;
  return `a${names}`;
}

const counter = (total = 0, message, context) => {
  if (message.type === 'inc') return total + message.n;
  const sum = message.type === 'add' ? total + message.n : total;
  dispatch(context.sender, sum);
  return sum;
};

const totalOf = (ref) => query(ref, { type: 'total' }, deadlineMs);

function pingPong() {
  const system = start();
  const player = (state = { hits: 0 }, message) => {
    if (message.type === 'join') return { ...state, peer: message.peer };
    if (message.n > 0) dispatch(state.peer, { type: 'inc', n: message.n - 1, id: 'abc' });
    else finish.over();
    return { ...state, hits: state.hits + 1 };
  };
  const [left, right] = [spawn(system, player, name()), spawn(system, player, name())];
  dispatch(left, { type: 'join', peer: right });
  dispatch(right, { type: 'join', peer: left });
  return {
    async pass(count) {
      const over = finish.next();
      dispatch(left, { type: 'inc', n: count - 1, id: 'abc' });
      await over;
    },
    close: () => stop(system),
  };
}

function counting() {
  const system = start();
  const ref = spawn(system, counter, name());
  let expected = 0;
  return {
    async pass(count) {
      for (let sent = 0; sent < count; sent += sizes.countingBurst) {
        for (let index = 0; index < sizes.countingBurst; index += 1) dispatch(ref, inc());
        expected += sizes.countingBurst;
        checkTotal('total', await totalOf(ref), expected);
      }
    },
    close: () => stop(system),
  };
}

function fanIn() {
  const system = start();
  const sink = (state = { total: 0, expected: 0 }, message) => {
    if (message.type === 'expect') return { ...state, expected: message.total };
    const total = state.total + message.n;
    if (total === state.expected) finish.over();
    return { ...state, total };
  };
  const sender = (left = 0, message, context) => {
    const before = message.type === 'send' ? message.count : left;
    for (let sent = 0; sent < sizes.fanInBurst; sent += 1) dispatch(to, inc());
    if (before > sizes.fanInBurst) dispatch(context.self, { type: 'next' });
    return before - sizes.fanInBurst;
  };
  const to = spawn(system, sink, name());
  const from = Array.from({ length: sizes.fanInSenders }, () => spawn(system, sender, name()));
  let expected = 0;
  return {
    async pass(count) {
      const over = finish.next();
      expected += count;
      dispatch(to, { type: 'expect', total: expected });
      for (const ref of from) dispatch(ref, { type: 'send', count: count / from.length });
      await over;
    },
    close: () => stop(system),
  };
}

function threadRing() {
  const system = start();
  const member = (state = {}, message) => {
    if (message.type === 'link') return { next: message.next };
    if (message.n > 0) dispatch(state.next, { type: 'inc', n: message.n - 1, id: 'abc' });
    else finish.over();
    return state;
  };
  const ring = Array.from({ length: sizes.ringMembers }, () => spawn(system, member, name()));
  ring.forEach((ref, index) => {
    dispatch(ref, { type: 'link', next: ring[(index + 1) % ring.length] });
  });
  return {
    async pass(count) {
      const over = finish.next();
      dispatch(ring[0], { type: 'inc', n: count - 1, id: 'abc' });
      await over;
    },
    close: () => stop(system),
  };
}

function ask() {
  const system = start();
  const ref = spawn(system, counter, name());
  let expected = 0;
  return {
    async pass(count) {
      let total = 0;
      for (let asked = 0; asked < count; asked += 1) {
        total = await query(ref, { type: 'add', n: 1, id: 'abc' }, deadlineMs);
      }
      expected += count;
      checkTotal('total', total, expected);
    },
    close: () => stop(system),
  };
}

function spawning() {
  const system = start();
  let left = 0;
  let refs = [];
  const newborn = (total = 0, { n }) => {
    left -= n;
    if (left === 0) finish.over();
    return total + n;
  };
  return {
    async pass(count) {
      left = count;
      const over = finish.next();
      for (let spawned = 0; spawned < count; spawned += 1) {
        const ref = spawn(system, newborn, name());
        dispatch(ref, inc());
        refs.push(ref);
      }
      await over;
    },
    clear() {
      for (const ref of refs) stop(ref);
      refs = [];
    },
    close: () => stop(system),
  };
}

function forkJoinCreate() {
  const system = start();
  const child = (state, message, context) => {
    dispatch(message.parent, { type: 'report', n: message.n });
    stop(context.self);
    return state;
  };
  const parent = (left = 0, message, context) => {
    if (message.type === 'report') {
      if (left === message.n) finish.over();
      return left - message.n;
    }
    for (let forked = 0; forked < message.count; forked += 1) {
      dispatch(spawn(context.self, child, name()), { type: 'work', n: 1, parent: context.self });
    }
    return message.count;
  };
  const ref = spawn(system, parent, name());
  return {
    async pass(count) {
      const over = finish.next();
      dispatch(ref, { type: 'fork', count });
      await over;
    },
    close: () => stop(system),
  };
}

function boundedBuffer() {
  const system = start();
  const buffer = spawn(system, counter, name());
  const producer = async (state, { count }) => {
    for (let made = 0; made < count; made += 1) await query(buffer, { type: 'add', n: 1, id: 'abc' }, deadlineMs);
    producing -= 1;
    if (producing === 0) finish.over();
    return state;
  };
  const producers = Array.from({ length: sizes.producers }, () => spawn(system, producer, name()));
  let producing = 0;
  let expected = 0;
  return {
    async pass(count) {
      const over = finish.next();
      producing = producers.length;
      for (const ref of producers) dispatch(ref, { type: 'produce', count: count / producers.length });
      await over;
      expected += count;
      checkTotal('items', await totalOf(buffer), expected);
    },
    close: () => stop(system),
  };
}

function big() {
  const system = start();
  let pinging = 0;
  let pongs = 0;
  const pinger = (state, message, context) => {
    if (message.type === 'ping') {
      dispatch(message.from, { type: 'pong', id: message.id });
      return state;
    }
    const left = message.type === 'go' ? message.count : state.left - 1;
    if (message.type === 'pong') pongs += 1;
    if (left === 0) {
      pinging -= 1;
      if (pinging === 0) finish.over();
      return { ...state, left };
    }
    const seed = nextSeed(state.seed);
    dispatch(pingers[seed % pingers.length], { type: 'ping', from: context.self, id: 'abc' });
    return { seed, left };
  };
  const pingers = Array.from({ length: sizes.pingers }, (_, index) =>
    spawn(system, pinger, name(), { initialState: { seed: index + 1, left: 0 } }),
  );
  return {
    async pass(count) {
      const over = finish.next();
      pinging = pingers.length;
      pongs = 0;
      for (const ref of pingers) dispatch(ref, { type: 'go', count: count / pingers.length });
      await over;
      checkTotal('pongs', pongs, count);
    },
    close: () => stop(system),
  };
}

function chameneos() {
  const system = start();
  let meetings = 0;
  const broker = (state = { left: 0 }, message) => {
    if (message.type === 'open') return { left: message.count };
    if (state.left === 0) return state;
    if (state.waiting === undefined) return { ...state, waiting: message };
    dispatch(state.waiting.from, { type: 'met', colour: message.colour });
    dispatch(message.from, { type: 'met', colour: state.waiting.colour });
    if (state.left === 1) dispatch(message.from, { type: 'closed' });
    return { left: state.left - 1 };
  };
  const creature = (colour, message, context) => {
    if (message.type === 'closed') {
      finish.over();
      return colour;
    }
    const next = message.type === 'met' ? complement(colour, message.colour) : colour;
    if (message.type === 'met') meetings += 1;
    dispatch(mall, { type: 'meet', from: context.self, colour: next });
    return next;
  };
  const mall = spawn(system, broker, name());
  const creatures = Array.from({ length: sizes.creatures }, (_, index) =>
    spawn(system, creature, name(), { initialState: colourOf(index) }),
  );
  return {
    async pass(count) {
      const over = finish.next();
      meetings = 0;
      dispatch(mall, { type: 'open', count });
      for (const ref of creatures) dispatch(ref, { type: 'go' });
      await over;
      checkTotal('meetings', meetings, 2 * count);
    },
    close: () => stop(system),
  };
}

function skynet() {
  const system = start();
  let found;
  const member = (state = { missing: 10, sum: 0 }, message, context) => {
    if (message.type === 'sum') {
      const next = { ...state, missing: state.missing - 1, sum: state.sum + message.sum };
      if (next.missing > 0) return next;
      if (next.parent === undefined) {
        found = next.sum;
        finish.over();
      } else dispatch(next.parent, { type: 'sum', sum: next.sum });
      stop(context.self);
      return next;
    }
    const { first, leaves, parent } = message;
    if (leaves === 1) {
      dispatch(parent, { type: 'sum', sum: first });
      stop(context.self);
      return state;
    }
    for (let index = 0; index < 10; index += 1) {
      const child = spawn(context.self, member, name());
      const share = leaves / 10;
      dispatch(child, { type: 'grow', first: first + index * share, leaves: share, parent: context.self });
    }
    return { ...state, parent };
  };
  return {
    async pass(count) {
      const over = finish.next();
      const leaves = leavesOf(count);
      dispatch(spawn(system, member, name()), { type: 'grow', first: 0, leaves });
      await over;
      checkTotal('sum', found, sumBelow(leaves));
    },
    close: () => stop(system),
  };
}

function sieve() {
  const system = start();
  let primes = 0;
  const filter = (state = {}, message, context) => {
    if (message.type === 'last') {
      if (state.next !== undefined) dispatch(state.next, { type: 'last', primes: message.primes + 1 });
      else {
        primes = message.primes + 1;
        finish.over();
      }
      return state;
    }
    if (state.prime === undefined) return { prime: message.n };
    if (message.n % state.prime === 0) return state;
    const next = state.next ?? spawn(context.self, filter, name());
    dispatch(next, message);
    return state.next === undefined ? { ...state, next } : state;
  };
  let first;
  return {
    async pass(count) {
      const over = finish.next();
      first = spawn(system, filter, name());
      for (let number = 2; number < count + 2; number += 1) dispatch(first, { type: 'number', n: number, id: 'abc' });
      dispatch(first, { type: 'last', primes: 0 });
      await over;
      checkTotal('primes', primes, primesAmong(count));
    },
    clear: () => stop(first),
    close: () => stop(system),
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
