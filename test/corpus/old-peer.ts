/**
 * A recorded node that talks to a live one: it says what it said when it was recorded, byte for byte, once the live node has
 * given the answers that it had been given then. Only numbers that the live node has chosen are put in anew, and the counts
 * of the sessions. It shares no code with the package.
 */
import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { WebSocket } from 'ws';
import { arrayHead, binary, integer, readFields } from './msgpack.ts';

export interface Corpus {
  readonly wire: number;
  /** Ids of the two nodes. */
  readonly old: string;
  readonly live: string;
  /** Messages of the link, in order; `scripted` ones are single items, to the actor that was spoken to last. */
  readonly steps: readonly { readonly from: 'old' | 'live' | 'scripted'; readonly bytes: string }[];
}

export function readCorpus(name: string): Corpus {
  return JSON.parse(readFileSync(new URL(name, import.meta.url), 'utf8')) as Corpus;
}

/** Kind of an item: its fields, kind included; in which of them stands a cell of the reader, and what its first number is. */
type Names = 'call' | 'watch' | 'job' | 'name';
interface Layout {
  readonly fields: number;
  readonly cell?: number;
  /** The number in its first field is one that its sender begins to use with it. */
  readonly begins?: Names;
  /** The number in its first field is one that its reader began to use. */
  readonly answers?: Names;
}
export const layouts: ReadonlyMap<number, Layout> = new Map<number, Layout>([
  [1, { fields: 4, begins: 'name' }],
  [2, { fields: 5, cell: 1 }],
  [3, { fields: 7, cell: 2, begins: 'call' }],
  [4, { fields: 6, cell: 2, begins: 'call' }],
  [5, { fields: 6, cell: 2, begins: 'call' }],
  [6, { fields: 5, begins: 'call' }],
  [7, { fields: 5, cell: 2, begins: 'call' }],
  [8, { fields: 3, answers: 'call' }],
  [9, { fields: 3, answers: 'call' }],
  [10, { fields: 3, answers: 'call' }],
  [11, { fields: 2, answers: 'call' }],
  [12, { fields: 2 }],
  [13, { fields: 3 }],
  [14, { fields: 3 }],
  [15, { fields: 3, cell: 2, begins: 'watch' }],
  [16, { fields: 2 }],
  [17, { fields: 3, answers: 'watch' }],
  [18, { fields: 5, cell: 1 }],
  [19, { fields: 3, cell: 1 }],
  [20, { fields: 3, answers: 'name' }],
  [21, { fields: 5, cell: 2, begins: 'call' }],
  [25, { fields: 3, cell: 2, begins: 'call' }],
  [26, { fields: 8 }],
  [27, { fields: 3, answers: 'call' }],
  [28, { fields: 7, cell: 2, begins: 'call' }],
  [30, { fields: 3, cell: 2, begins: 'watch' }],
  [31, { fields: 6, cell: 1 }],
  [32, { fields: 4, cell: 1 }],
  [34, { fields: 8, begins: 'call' }],
  [35, { fields: 4, cell: 2 }],
  [36, { fields: 3, cell: 1 }],
  [37, { fields: 8, cell: 2, begins: 'job' }],
  [38, { fields: 2, answers: 'job' }],
  [39, { fields: 6 }],
  [40, { fields: 3 }],
  [41, { fields: 3 }],
]);
const tellKind = 2;
const replyKind = 8;
const failureKind = 9;
const cancelKind = 12;
const grantKind = 13;
const shapeKind = 20;
const placeKind = 34;
const jobKind = 37;
const largeKind = 41;

interface Item {
  readonly kind: number;
  readonly layout: Layout;
  readonly values: readonly unknown[];
  /** The bytes of each field. */
  readonly bytes: readonly Buffer[];
}

/** The items of a session frame. */
export function itemsOf(frame: Buffer, headerFields = 5): readonly Item[] {
  const fields = readFields(frame);
  const items: Item[] = [];
  for (let at = headerFields; at < fields.length; ) {
    const kind = fields[at]!.value as number;
    const layout = layouts.get(kind);
    if (layout === undefined) throw new Error(`an item of kind ${kind}`);
    const own = fields.slice(at, at + layout.fields);
    items.push({
      kind,
      layout,
      values: own.map(({ value }) => value),
      bytes: own.map(({ start, end }) => frame.subarray(start, end)),
    });
    at += layout.fields;
  }
  return items;
}

export interface Envelope {
  readonly source: string;
  readonly target: string;
  readonly frame: Buffer;
}

export function readEnvelope(message: Buffer): Envelope {
  const sourceEnd = 2 + message[1]!;
  const targetEnd = sourceEnd + 1 + message[sourceEnd]!;
  return {
    source: message.toString('latin1', 2, sourceEnd),
    target: message.toString('latin1', sourceEnd + 1, targetEnd),
    frame: message.subarray(targetEnd),
  };
}

/** Numbers of one side of a session, in the order in which it began to use them. */
class Begun {
  readonly #numbers = new Map<Names, number[]>();

  add(names: Names, number: number): void {
    this.of(names).push(number);
  }

  of(names: Names): number[] {
    const numbers = this.#numbers.get(names) ?? [];
    this.#numbers.set(names, numbers);
    return numbers;
  }
}

/** A session of one thread of the recorded node with the live one. */
class OldSession {
  sent = 0;
  received = 0;
  readonly begun = { before: new Begun(), now: new Begun() };
  /** Labels by number, as the live node said then, and numbers by label, as it says now. */
  readonly labels = new Map<number, string>();
  readonly numbers = new Map<string, number>();
  /** What the live node has answered. */
  readonly answers = { before: new Map<string, unknown[]>(), now: new Map<string, unknown[]>() };
  /** Calls to the live node that were given up: what still came of them was chance. */
  readonly cancelled = new Set<number>();
  /** What it has granted, by the place of the stream among its calls. */
  readonly grants = { before: new Map<number, number>(), now: new Map<number, number>() };

  note(when: 'before' | 'now', { kind, layout, values }: Item): void {
    const number = values[1] as number;
    if (kind === largeKind) for (const item of itemsOf(values[2] as Buffer, 0)) this.note(when, item);
    if (layout.begins !== undefined) this.begun[when].add(layout.begins, number);
    if (kind === placeKind) {
      this.begun[when].add('watch', values[7] as number);
      this.begun[when].add('name', -(values[5] as number));
    }
    // A job may be an ask too.
    if (kind === jobKind && values[5] !== null) this.begun[when].add('call', values[5] as number);
    if (layout.begins === 'name') {
      if (when === 'before') this.labels.set(number, values[2] as string);
      else this.numbers.set(values[2] as string, number);
    }
    if (kind === grantKind) this.grants[when].set(this.begun[when].of('call').indexOf(number), values[2] as number);
    if (layout.answers === undefined || kind === shapeKind || this.cancelled.has(number)) return;
    const key = `${kind} ${number}`;
    const answers = this.answers[when].get(key) ?? [];
    answers.push(values[2]);
    this.answers[when].set(key, answers);
  }

  /** True once the live node has said what it had said before this point then. */
  get isReady(): boolean {
    for (const names of ['call', 'watch', 'job', 'name'] as const) {
      if (this.begun.now.of(names).length < this.begun.before.of(names).length) return false;
    }
    for (const [call, total] of this.grants.before) if ((this.grants.now.get(call) ?? 0) < total) return false;
    for (const [key, then] of this.answers.before) {
      if ((this.answers.now.get(key)?.length ?? 0) < then.length) return false;
    }
    return true;
  }

  /** What is missing yet, for whoever waits in vain. */
  get missing(): string {
    const keys = [...this.answers.before].filter(
      ([key, then]) => (this.answers.now.get(key)?.length ?? 0) < then.length,
    );
    return JSON.stringify({
      answers: keys.map(([key]) => key),
      before: ['call', 'watch', 'job', 'name'].map((names) => this.begun.before.of(names as Names).length),
      now: ['call', 'watch', 'job', 'name'].map((names) => this.begun.now.of(names as Names).length),
    });
  }

  /** The live node's number for what it had numbered so then. */
  now(names: Names, then: number): number {
    const at = this.begun.before.of(names).indexOf(then);
    const now = this.begun.now.of(names)[at];
    if (now === undefined) throw new Error(`the live node has no ${names} for ${then}`);
    return now;
  }
}

export class OldPeer {
  readonly #corpus: Corpus;
  readonly #socket: WebSocket;
  readonly #secret: Buffer;
  readonly #sessions = new Map<string, OldSession>();
  /** Handshake messages of the live node. */
  readonly #greetings: Buffer[] = [];
  #waiting: () => void = () => undefined;
  closed: { readonly code: number; readonly text: string } | undefined = undefined;
  /** Kinds of the items that were sent, and how many answers were compared. */
  readonly kinds = new Set<number>();
  compared = 0;

  constructor(corpus: Corpus, address: string, secret: string) {
    this.#corpus = corpus;
    this.#secret = Buffer.from(secret);
    this.#socket = new WebSocket(address, 'troupe.v1', { perMessageDeflate: false });
    this.#socket.on('message', (data) => {
      this.#receive(data as Buffer);
      this.#waiting();
    });
    this.#socket.on('close', (code, text) => {
      this.closed = { code, text: text.toString() };
      this.#waiting();
    });
    this.#socket.on('error', () => undefined);
  }

  /** Says everything. @throws where the live node closes the link, or does not answer as it did */
  async talk(): Promise<void> {
    await new Promise((resolve, reject) => this.#socket.once('open', resolve).once('error', reject));
    const { steps, old } = this.#corpus;
    const said = steps.filter(({ from }) => from === 'old').map(({ bytes }) => Buffer.from(bytes, 'base64'));
    const [hello, , profile] = said;
    this.#socket.send(hello!);
    await this.#until(
      () => this.#greetings.length >= 1,
      () => 'its hello',
    );
    this.#socket.send(this.#proof(hello!, this.#greetings[0]!));
    await this.#until(
      () => this.#greetings.length >= 2,
      () => 'its proof',
    );
    this.#socket.send(unsealed(profile!));
    await this.#until(
      () => this.#greetings.length >= 3,
      () => 'its profile',
    );

    let greetings = 0;
    let last = 'main';
    for (const { from, bytes } of steps) {
      const message = Buffer.from(bytes, 'base64');
      if (from === 'scripted') {
        this.#say(last, itemsOf(message, 0));
        continue;
      }
      greetings += 1;
      // Three of each side: hello, proof, profile.
      if (greetings <= 6) continue;
      if (from === 'live') {
        if (message[0] !== 0x10) continue;
        const { target, frame } = readEnvelope(message);
        for (const item of itemsOf(frame)) this.#session(target).note('before', item);
      } else if (message[0] === 0x10) {
        const { source, frame } = readEnvelope(message);
        const items = itemsOf(frame);
        // What was said after all answers so far, whichever of its threads had got them.
        for (const [thread, session] of this.#sessions) {
          await this.#until(
            () => session.isReady,
            () => `of ${old}/${thread}: ${session.missing}`,
          );
        }
        if (items.length > 0) this.#say(source, items);
        last = 'main';
      } else if (message[0] === 0x13) this.#socket.send(message);
    }
    for (const [thread, session] of this.#sessions) {
      await this.#until(
        () => session.isReady,
        () => `of ${old}/${thread}: ${session.missing}`,
      );
      this.#compare(session);
    }
  }

  /** Resolves once there is an answer to a call that was scripted. */
  async answer(kind: number, call: number): Promise<unknown> {
    const session = this.#session('main');
    await this.#until(
      () => session.answers.now.has(`${kind} ${call}`),
      () => `the answer to ${call}`,
    );
    return session.answers.now.get(`${kind} ${call}`)![0];
  }

  close(): void {
    this.#socket.terminate();
  }

  #session(thread: string): OldSession {
    const session = this.#sessions.get(thread) ?? new OldSession();
    this.#sessions.set(thread, session);
    return session;
  }

  #proof(hello: Buffer, theirs: Buffer): Buffer {
    const name = (greeting: Buffer): Buffer => greeting.subarray(42, 42 + greeting[40]!);
    const sized = (bytes: Buffer): Buffer => Buffer.concat([Buffer.from([bytes.length]), bytes]);
    const cluster = hello.subarray(42 + hello[40]!);
    const mac = createHmac('sha256', this.#secret)
      .update('troupe.v1 node proof')
      .update(Buffer.from([1, 1, 1]))
      .update(hello.subarray(8, 40))
      .update(theirs.subarray(8, 40))
      .update(sized(name(hello)))
      .update(sized(name(theirs)))
      .update(sized(cluster))
      .digest();
    return Buffer.concat([Buffer.from('TRPE'), Buffer.from([2, 1]), mac, mac]);
  }

  #say(thread: string, items: readonly Item[]): void {
    const session = this.#session(thread);
    const fields = items.flatMap((item) => this.#patched(session, item));
    const { sent, received } = session;
    for (const { kind, values } of items) {
      this.kinds.add(kind);
      if (kind === largeKind) for (const inner of itemsOf(values[2] as Buffer, 0)) this.kinds.add(inner.kind);
      if (kind === cancelKind) session.cancelled.add(values[1] as number);
      session.sent += kind === tellKind ? (values[3] as number) : 1;
    }
    this.#send(thread, [sent, received, received, received + 16_384], fields);
  }

  #send(thread: string, counts: readonly number[], fields: readonly Buffer[]): void {
    const source = Buffer.from(thread, 'latin1');
    const head = Buffer.concat([Buffer.from([0x10, source.length]), source, Buffer.from([4]), Buffer.from('main')]);
    const body = [arrayHead(5 + fields.length), ...counts.map(integer), Buffer.from([0xc2]), ...fields];
    this.#socket.send(Buffer.concat([head, ...body]));
  }

  /** The fields with the numbers of now where the live node has chosen them. */
  #patched(session: OldSession, { kind, layout, values, bytes }: Item): readonly Buffer[] {
    const fields = [...bytes];
    const set = (at: number, number: number): void => {
      if (number !== values[at]) fields[at] = integer(number);
    };
    if (kind === largeKind) {
      const inner = itemsOf(values[2] as Buffer, 0).flatMap((item) => this.#patched(session, item));
      fields[2] = binary(Buffer.concat([arrayHead(inner.length), ...inner]));
    }
    if (kind === 36) set(1, -session.now('name', -(values[1] as number)));
    else if (layout.cell !== undefined) set(layout.cell, this.#cell(values[layout.cell] as number));
    if (kind === shapeKind) set(1, session.numbers.get(session.labels.get(values[1] as number)!)!);
    else if (layout.answers !== undefined) set(1, session.now(layout.answers, values[1] as number));
    return fields;
  }

  /** Actors are spawned from the main thread of the recorded node, and used from all. */
  #cell(then: number): number {
    const session = this.#session('main');
    for (const [key, answers] of session.answers.before) {
      const at = answers.findIndex((answer) => isSpawned(answer) && answer[0] === then);
      if (!key.startsWith(`${replyKind} `) || at < 0) continue;
      const now = session.answers.now.get(key)?.[at];
      if (isSpawned(now)) return now[0];
    }
    return then;
  }

  #receive(message: Buffer): void {
    if (this.#greetings.length < 3) {
      this.#greetings.push(message);
      return;
    }
    if (message[0] === 0x11) this.#socket.send(Buffer.concat([Buffer.from([0x12]), message.subarray(1)]));
    if (message[0] !== 0x10) return;
    const { target, frame } = readEnvelope(message);
    const session = this.#session(target);
    const items = itemsOf(frame);
    for (const item of items) {
      session.received += item.kind === tellKind ? (item.values[3] as number) : 1;
      session.note('now', item);
    }
    const { sent, received } = session;
    if (items.length > 0) this.#send(target, [sent, received, received, received + 16_384], []);
  }

  /** Each answer is what it was then; texts of failures may have been worded anew. */
  #compare(session: OldSession): void {
    for (const [key, then] of session.answers.before) {
      const now = session.answers.now.get(key)!;
      const [kind] = key.split(' ').map(Number);
      for (const [index, value] of then.entries()) {
        const [before, after] = [value, now[index]].map((answer) => {
          if (kind === failureKind) return (answer as unknown[])[0];
          return isSpawned(answer) ? answer[1] : answer;
        });
        const isSame = JSON.stringify(before, withoutNodes) === JSON.stringify(after, withoutNodes);
        if (!isSame) throw new Error(`${key}: ${JSON.stringify(after)} where it was ${JSON.stringify(before)}`);
        this.compared += 1;
      }
    }
  }

  async #until(holds: () => boolean, what: () => string): Promise<void> {
    const timer = setTimeout(() => this.#waiting(), waitMs);
    const from = performance.now();
    while (!holds()) {
      if (this.closed !== undefined) throw new Error(`the link was closed: ${JSON.stringify(this.closed)}`);
      if (performance.now() - from >= waitMs) throw new Error(`${what()} did not come within ${waitMs} ms`);
      await new Promise<void>((resolve) => {
        this.#waiting = resolve;
      });
    }
    clearTimeout(timer);
  }
}

/** A profile without its seal, which is made of the nonces of a handshake. */
function unsealed(profile: Buffer): Buffer {
  const items = readFields(profile.subarray(1));
  if (items.length < 7) return profile;
  const fields = items.map(({ start, end }, at) => (at === 6 ? Buffer.of(0xc0) : profile.subarray(1 + start, 1 + end)));
  return Buffer.concat([profile.subarray(0, 1), arrayHead(fields.length), ...fields]);
}

/** Longer than any answer may take on a busy machine. */
const waitMs = 15_000;

function isSpawned(answer: unknown): answer is [number, string] {
  return Array.isArray(answer) && answer.length === 2 && typeof answer[0] === 'number' && typeof answer[1] === 'string';
}

/** Ids of nodes are new at each start. */
function withoutNodes(_key: string, value: unknown): unknown {
  return typeof value === 'string' ? value.replace(/~[A-Za-z0-9_-]+/g, '~') : value;
}
