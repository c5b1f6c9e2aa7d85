/** People and robots on a web shop: who asks for what, and when. */
import type { SeededRandom } from '../program/seeded-random.ts';

/** A request, and what was answered. */
export interface Request {
  readonly atMs: number;
  readonly address: string;
  readonly agent: string;
  readonly method: string;
  /** The path with its query. */
  readonly target: string;
  readonly status: number;
  readonly bytes: number;
}

const secondMs = 1_000;
const minuteMs = 60_000;
const hourMs = 3_600_000;

const browsers = ['Firefox/149.0', 'Chrome/146.0.0.0 Safari/537.36', 'Version/19.3 Safari/605.1.15', 'Edg/146.0.0.0'];
const systems = [
  'Windows NT 10.0; Win64; x64',
  'Macintosh; Intel Mac OS X 15_7',
  'X11; Linux x86_64',
  'Linux; Android 16',
];
const robots = [
  'Examplebot/2.1 (+https://example.org/bot)',
  'ExampleCrawler/0.9',
  'curl/8.19.0',
  'python-requests/2.34',
];
/** Where people come in from outside; a page stands as often in it as it is likely. */
const entrances = ['/', '/', '/', '/', '/', '/sale', '/sale', '/sale', '/blog/how-to-choose', '/blog/how-to-choose'];
const sections = ['/', '/sale', '/search?q=lamp', '/cart', '/checkout', '/about', '/blog/how-to-choose', '/login'];
const assets = ['/app.css', '/app.js', '/logo.svg', '/favicon.ico'];
const products = 60;

interface Person {
  readonly address: string;
  readonly agent: string;
}

/** How many come back. */
const remembered = 2_000;

export class Visits {
  readonly #random: SeededRandom;
  readonly #people: Person[] = [];

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  /** What one person asks for from `startMs` on. Most go after some minutes; some make tea, and come back after it. */
  *person(startMs: number): Generator<Request> {
    const random = this.#random;
    const person = this.#somebody();
    let atMs = startMs;
    let target = random.next() < 0.6 ? random.one(entrances) : this.#product();
    for (;;) {
      const found = random.next() > 0.02;
      yield {
        ...person,
        atMs,
        method: 'GET',
        target,
        status: found ? 200 : 404,
        bytes: found ? 4_000 + random.below(40_000) : 512,
      };
      yield* this.#assets(person, atMs);
      if (target === '/checkout')
        yield { ...person, atMs: atMs + secondMs, method: 'POST', target, status: 303, bytes: 0 };
      if (random.next() < 0.25) return;
      atMs += this.#stayMs();
      target = random.next() < 0.55 ? this.#product() : random.one(sections);
    }
  }

  *robot(startMs: number): Generator<Request> {
    const random = this.#random;
    const robot = { address: this.#address(), agent: random.one(robots) };
    let atMs = startMs;
    for (let left = 5 + random.below(30); left > 0; left -= 1) {
      yield {
        ...robot,
        atMs,
        method: 'GET',
        target: this.#product(),
        status: 200,
        bytes: 4_000 + random.below(40_000),
      };
      atMs += 2 * secondMs;
    }
  }

  /** The pictures of a page, which a browser that was there before asks for in vain. */
  *#assets(person: Person, atMs: number): Generator<Request> {
    const random = this.#random;
    for (let left = random.below(4); left > 0; left -= 1) {
      const isKnown = random.next() < 0.5;
      yield {
        ...person,
        atMs: atMs + random.below(2 * secondMs),
        method: 'GET',
        target: random.one(assets),
        status: isKnown ? 304 : 200,
        bytes: isKnown ? 0 : 1_000 + random.below(90_000),
      };
    }
  }

  /** Until the next page. Silences of just under, just, and just over half an hour are where mistakes would show. */
  #stayMs(): number {
    const random = this.#random;
    const chance = random.next();
    if (chance < 0.01) return 30 * minuteMs + secondMs * (random.below(3) - 1);
    if (chance < 0.04) return 20 * minuteMs + random.below(hourMs);
    return secondMs + random.wait(50 * secondMs);
  }

  #somebody(): Person {
    const random = this.#random;
    if (random.next() < 0.3 && this.#people.length > 0) return random.one(this.#people);
    const agent = `Mozilla/5.0 (${random.one(systems)}) ${random.one(browsers)}`;
    const person = { address: this.#address(), agent };
    if (this.#people.length < remembered) this.#people.push(person);
    else this.#people[random.below(remembered)] = person;
    return person;
  }

  /** Of the range that is set aside for tests of networks (RFC 2544). */
  #address(): string {
    const random = this.#random;
    return `198.${18 + random.below(2)}.${random.below(256)}.${random.below(256)}`;
  }

  #product(): string {
    // Some are asked for far more often than others.
    return `/products/${Math.floor(products * this.#random.next() ** 2)}`;
  }
}
