/**
 * The programs of `bench/programs.mjs` for comedy: actors of this process (`in-memory`), one class each.
 *
 * A handler that sends does not await the send, as nobody needs its promise. A request has no deadline and overtakes
 * what was sent before it, so it is repeated until it finds all.
 */
import comedy from 'comedy';
import { Finish } from '../finish.mjs';
import { checkTotal } from '../measure.mjs';
import { colourOf, complement, inc, leavesOf, nextSeed, primesAmong, sumBelow } from '../problems.mjs';
import { sizes } from '../sizes.mjs';

const finish = new Finish();
/** `test` keeps its log silent. */
const rootActor = () => comedy({ test: true, config: {} }).rootActor();

class Counter {
  total = 0;
  inc({ n }) {
    this.total += n;
  }
  add({ n }) {
    this.total += n;
    return this.total;
  }
  get() {
    return this.total;
  }
}

async function many(root, length, definition) {
  const actors = [];
  for (let index = 0; index < length; index += 1) actors.push(await root.createChild(definition));
  return actors;
}

async function pingPong() {
  class Player {
    hits = 0;
    join({ peer }) {
      this.peer = peer;
    }
    hit({ n }) {
      this.hits += 1;
      if (n > 0) this.peer.send('hit', { type: 'inc', n: n - 1, id: 'abc' });
      else finish.over();
    }
    get() {
      return this.hits;
    }
  }
  const [left, right] = await many(await rootActor(), 2, Player);
  await left.sendAndReceive('join', { peer: right });
  await right.sendAndReceive('join', { peer: left });
  let expected = 0;
  return {
    async pass(count) {
      const over = finish.next();
      left.send('hit', { type: 'inc', n: count - 1, id: 'abc' });
      await over;
      expected += count;
    },
    async close() {
      checkTotal('hits', (await left.sendAndReceive('get')) + (await right.sendAndReceive('get')), expected);
    },
  };
}

async function counting() {
  const ref = await (await rootActor()).createChild(Counter);
  let expected = 0;
  return {
    async pass(count) {
      for (let sent = 0; sent < count; sent += sizes.countingBurst) {
        for (let index = 0; index < sizes.countingBurst; index += 1) ref.send('inc', inc());
        expected += sizes.countingBurst;
        let total = await ref.sendAndReceive('get');
        while (total < expected) total = await ref.sendAndReceive('get');
        checkTotal('total', total, expected);
      }
    },
    close: () => undefined,
  };
}

async function fanIn() {
  class Sink {
    total = 0;
    expect({ total }) {
      this.expected = total;
    }
    inc({ n }) {
      this.total += n;
      if (this.total === this.expected) finish.over();
    }
  }
  class Sender {
    initialize(self) {
      this.self = self;
    }
    send({ count }) {
      this.left = count;
      this.next();
    }
    next() {
      for (let sent = 0; sent < sizes.fanInBurst; sent += 1) to.send('inc', inc());
      this.left -= sizes.fanInBurst;
      if (this.left > 0) this.self.send('next');
    }
  }
  const root = await rootActor();
  const to = await root.createChild(Sink);
  const from = await many(root, sizes.fanInSenders, Sender);
  let expected = 0;
  return {
    async pass(count) {
      const over = finish.next();
      expected += count;
      to.send('expect', { total: expected });
      for (const ref of from) ref.send('send', { count: count / from.length });
      await over;
    },
    close: () => undefined,
  };
}

async function threadRing() {
  class Member {
    link({ next }) {
      this.next = next;
    }
    pass({ n }) {
      if (n > 0) this.next.send('pass', { type: 'inc', n: n - 1, id: 'abc' });
      else finish.over();
    }
  }
  const ring = await many(await rootActor(), sizes.ringMembers, Member);
  for (const [index, ref] of ring.entries()) {
    await ref.sendAndReceive('link', { next: ring[(index + 1) % ring.length] });
  }
  return {
    async pass(count) {
      const over = finish.next();
      ring[0].send('pass', { type: 'inc', n: count - 1, id: 'abc' });
      await over;
    },
    close: () => undefined,
  };
}

async function ask() {
  const ref = await (await rootActor()).createChild(Counter);
  let expected = 0;
  return {
    async pass(count) {
      let total = 0;
      for (let asked = 0; asked < count; asked += 1) total = await ref.sendAndReceive('add', inc());
      expected += count;
      checkTotal('total', total, expected);
    },
    close: () => undefined,
  };
}

async function spawning() {
  let left = 0;
  class Newborn {
    total = 0;
    inc({ n }) {
      this.total += n;
      left -= n;
      if (left === 0) finish.over();
    }
  }
  const root = await rootActor();
  let actors = [];
  return {
    async pass(count) {
      left = count;
      const over = finish.next();
      for (let spawned = 0; spawned < count; spawned += 1) {
        const newborn = await root.createChild(Newborn);
        newborn.send('inc', inc());
        actors.push(newborn);
      }
      await over;
    },
    async clear() {
      for (const ended of actors) await ended.destroy();
      actors = [];
    },
    close: () => undefined,
  };
}

async function forkJoinCreate() {
  class Child {
    initialize(self) {
      this.self = self;
    }
    work({ n, parent }) {
      parent.send('report', { n });
      this.self.destroy();
    }
  }
  class Parent {
    left = 0;
    initialize(self) {
      this.self = self;
    }
    async fork({ count }) {
      this.left = count;
      for (let forked = 0; forked < count; forked += 1) {
        (await this.self.createChild(Child)).send('work', { type: 'work', n: 1, parent: this.self });
      }
    }
    report({ n }) {
      this.left -= n;
      if (this.left === 0) finish.over();
    }
  }
  const ref = await (await rootActor()).createChild(Parent);
  return {
    async pass(count) {
      const over = finish.next();
      ref.send('fork', { count });
      await over;
    },
    close: () => undefined,
  };
}

async function boundedBuffer() {
  const root = await rootActor();
  const buffer = await root.createChild(Counter);
  let producing = 0;
  class Producer {
    async produce({ count }) {
      for (let made = 0; made < count; made += 1) await buffer.sendAndReceive('add', inc());
      producing -= 1;
      if (producing === 0) finish.over();
    }
  }
  const producers = await many(root, sizes.producers, Producer);
  let expected = 0;
  return {
    async pass(count) {
      const over = finish.next();
      producing = producers.length;
      for (const ref of producers) ref.send('produce', { count: count / producers.length });
      await over;
      expected += count;
      checkTotal('items', await buffer.sendAndReceive('get'), expected);
    },
    close: () => undefined,
  };
}

async function big() {
  let pinging = 0;
  let pongs = 0;
  let seeds = 0;
  class Pinger {
    initialize(self) {
      seeds += 1;
      this.seed = seeds;
      this.self = self;
    }
    go({ count }) {
      this.left = count;
      this.next();
    }
    ping({ from, id }) {
      from.send('pong', { id });
    }
    pong() {
      pongs += 1;
      this.left -= 1;
      if (this.left > 0) this.next();
      else {
        pinging -= 1;
        if (pinging === 0) finish.over();
      }
    }
    next() {
      this.seed = nextSeed(this.seed);
      pingers[this.seed % pingers.length].send('ping', { from: this.self, id: 'abc' });
    }
  }
  const pingers = await many(await rootActor(), sizes.pingers, Pinger);
  return {
    async pass(count) {
      const over = finish.next();
      pinging = pingers.length;
      pongs = 0;
      for (const ref of pingers) ref.send('go', { count: count / pingers.length });
      await over;
      checkTotal('pongs', pongs, count);
    },
    close: () => undefined,
  };
}

async function chameneos() {
  let meetings = 0;
  let creaturesMade = 0;
  class Broker {
    left = 0;
    open({ count }) {
      this.left = count;
      this.waiting = undefined;
    }
    meet(message) {
      if (this.left === 0) return;
      const { waiting } = this;
      if (waiting === undefined) {
        this.waiting = message;
        return;
      }
      this.waiting = undefined;
      this.left -= 1;
      waiting.from.send('met', { colour: message.colour });
      message.from.send('met', { colour: waiting.colour });
      if (this.left === 0) message.from.send('closed');
    }
  }
  class Creature {
    initialize(self) {
      this.self = self;
      this.colour = colourOf(creaturesMade);
      creaturesMade += 1;
    }
    go() {
      mall.send('meet', { from: this.self, colour: this.colour });
    }
    met({ colour }) {
      meetings += 1;
      this.colour = complement(this.colour, colour);
      this.go();
    }
    closed() {
      finish.over();
    }
  }
  const root = await rootActor();
  const mall = await root.createChild(Broker);
  const creatures = await many(root, sizes.creatures, Creature);
  return {
    async pass(count) {
      const over = finish.next();
      meetings = 0;
      mall.send('open', { count });
      for (const ref of creatures) ref.send('go');
      await over;
      checkTotal('meetings', meetings, 2 * count);
    },
    close: () => undefined,
  };
}

async function skynet() {
  let found;
  class Member {
    missing = 10;
    sum = 0;
    initialize(self) {
      this.self = self;
    }
    async grow({ first, leaves, parent }) {
      if (leaves === 1) {
        parent.send('report', { sum: first });
        this.self.destroy();
        return;
      }
      this.parent = parent;
      const share = leaves / 10;
      for (let index = 0; index < 10; index += 1) {
        const child = await this.self.createChild(Member);
        child.send('grow', { first: first + index * share, leaves: share, parent: this.self });
      }
    }
    report({ sum }) {
      this.missing -= 1;
      this.sum += sum;
      if (this.missing > 0) return;
      if (this.parent === undefined) {
        found = this.sum;
        finish.over();
      } else this.parent.send('report', { sum: this.sum });
      this.self.destroy();
    }
  }
  const root = await rootActor();
  return {
    async pass(count) {
      const over = finish.next();
      const leaves = leavesOf(count);
      (await root.createChild(Member)).send('grow', { first: 0, leaves });
      await over;
      checkTotal('sum', found, sumBelow(leaves));
    },
    close: () => undefined,
  };
}

async function sieve() {
  let primes = 0;
  /** A handler that awaits does not hold its actor, so the next filter is started at the filter's own start. */
  class Filter {
    initialize(self) {
      this.self = self;
    }
    number(message) {
      if (this.prime === undefined) {
        this.prime = message.n;
        this.next = this.self.createChild(Filter);
      } else if (message.n % this.prime !== 0) this.next.then((next) => next.send('number', message));
    }
    last({ primes: before }) {
      if (this.prime !== undefined) this.next.then((next) => next.send('last', { primes: before + 1 }));
      else {
        primes = before;
        finish.over();
      }
    }
  }
  const root = await rootActor();
  let first;
  return {
    async pass(count) {
      const over = finish.next();
      first = await root.createChild(Filter);
      for (let number = 2; number < count + 2; number += 1)
        first.send('number', { type: 'number', n: number, id: 'abc' });
      first.send('last', { primes: 0 });
      await over;
      checkTotal('primes', primes, primesAmong(count));
    },
    clear: () => first.destroy(),
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
