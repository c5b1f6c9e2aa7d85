/** What a client may count on, in virtual time. */
import { afterEach, describe, expect, it } from 'vitest';
import type { ClientOptions } from '../../src/client/client.ts';
import type { LostTell } from '../../src/client/conversation.ts';
import { allow, type ClientsOptions, stop } from '../../src/index.ts';
import { DialFailed } from '../../src/transport/errors.ts';
import { Counter, clientsOptions, counter, Echo, echo, Vault } from './fixtures.ts';
import { type VirtualClients, virtualClients } from './virtual-clients.ts';

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function world(more: Partial<ClientsOptions> = {}): Promise<VirtualClients> {
  const made = await virtualClients(1, { clients: clientsOptions(more) });
  ends.push(() => made.until(made.system.shutdown({ deadlineMs: 50 })));
  await made.system.spawn(counter, { name: 'hits' });
  await made.system.spawn(echo, { name: 'echo' });
  return made;
}

function ada(made: VirtualClients, options: ClientOptions = {}) {
  const lost: LostTell[] = [];
  const client = made.connect({ token: 'token-of-ada', onLost: (one) => void lost.push(one), ...options });
  ends.push(async () => void client.close({ deadlineMs: 0 }));
  return { client, lost, hits: client.ref(Counter, 'hits'), echo: client.ref(Echo, 'echo') };
}

describe('a client', () => {
  it('gets dates, bigints, maps and bytes as what they are, and absent as absent', async () => {
    const made = await world();
    const own = ada(made);
    const given = {
      at: new Date(5),
      big: 12_345_678_901_234_567_890n,
      map: new Map([['a', 1]]),
      raw: Uint8Array.of(1, 2),
    };
    expect(await made.until(own.echo.typed(given))).toStrictEqual(given);
    const open = { list: [new Date(7), new Set([1n]), { deep: new Map([[{ k: 1 }, null]]) }], none: undefined };
    expect(await made.until(own.echo.same({ what: open }))).toStrictEqual(open);
  });

  it('gets the errors that an operation declares, with their data', async () => {
    const made = await world();
    const own = ada(made);
    const outcome = await made.until(own.hits.spend.outcome({ by: 3 }));
    expect(outcome).toMatchObject({ ok: false, error: { code: 'tooLittle', data: { missing: 3 } } });
  });

  it('frees a stream that it breaks off, 200 of them one after the other', async () => {
    const made = await world();
    const own = ada(made);
    for (let times = 0; times < 200; times += 1) {
      const read = (async () => {
        for await (const n of own.hits.changes()) return n;
        return -1;
      })();
      expect(await made.until(read)).toBe(0);
    }
  });

  it('subscribes to a stream, and holds its actor to what it takes', async () => {
    const made = await world();
    const own = ada(made);
    const got: number[] = [];
    const subscription = own.echo.many({ count: 2_000, bytes: 1_000 }).subscribe((one) => got.push(one.length));
    await made.advance(2_000);
    expect(got).toEqual(Array.from({ length: 2_000 }, () => 1_000));
    subscription.unsubscribe();
    // A reader that takes one is sent no more than its window.
    const reader = own.echo.many({ count: 2_000, bytes: 1_000 })[Symbol.asyncIterator]();
    expect((await made.until(reader.next())).done).toBe(false);
    const before = made.wires[0]!.client;
    await made.advance(1_000);
    expect(before.closed).toBeUndefined();
    await reader.return?.();
  });

  it('cancels a call by its signal, there too', async () => {
    const made = await world();
    const own = ada(made);
    const abort = new AbortController();
    const call = own.echo.hang.outcome({ ms: 60_000 }, { signal: abort.signal, timeoutMs: 90_000 });
    await made.advance(10);
    abort.abort('enough');
    expect(await call).toMatchObject({ ok: false, error: { code: 'Cancelled', delivered: true } });
    const late = own.echo.hang.outcome({ ms: 1 }, { signal: abort.signal });
    expect(await late).toMatchObject({ ok: false, error: { code: 'Cancelled', delivered: false } });
    await made.advance(61_000);
    expect(await made.until(own.echo.aborted())).toBe(1);
  });

  it('has a call end by its deadline, link or no link', async () => {
    const made = await world();
    const own = ada(made);
    const from = made.clock.monotonicMs();
    const slow = own.echo.hang.outcome({ ms: 60_000 }, { timeoutMs: 500 });
    expect(await made.until(slow)).toMatchObject({ ok: false, error: { code: 'OutcomeUnknown', reason: 'deadline' } });
    expect(made.clock.monotonicMs() - from).toBe(500);
    made.isDown = true;
    made.cut();
    const away = own.hits.get.outcome({ timeoutMs: 700 });
    expect(await made.until(away)).toMatchObject({ ok: false, error: { code: 'OutcomeUnknown' } });
    expect(made.clock.monotonicMs() - from).toBe(1_200);
  });

  it('has its offers wait for the mailbox, and what comes behind them keep its place', async () => {
    const made = await world();
    const own = ada(made);
    await made.until(own.echo.aborted());
    const done: number[] = [];
    for (let n = 0; n < 30; n += 1)
      void own.echo.held.offer({ ms: 10 }, { timeoutMs: 60_000 }).then(() => done.push(n));
    const last = own.echo.aborted({ timeoutMs: 60_000 });
    await made.advance(100);
    // The mailbox takes 8 before it slows its senders down, and one is in work every 10 ms.
    expect(done.length).toBeGreaterThan(8);
    expect(done.length).toBeLessThan(25);
    const from = made.clock.monotonicMs();
    await made.until(last);
    expect(made.clock.monotonicMs() - from).toBeGreaterThan(150);
    expect(done).toEqual(Array.from({ length: 30 }, (_, n) => n));
  });

  it('says more than a window of tells, is told to slow down, and all of them arrive', async () => {
    const made = await world();
    const own = ada(made);
    let slow = 0;
    for (let n = 0; n < 3_000; n += 1) if (!own.hits.inc()) slow += 1;
    expect(slow).toBeGreaterThan(1_000);
    expect(await made.until(own.hits.get())).toBe(3_000);
    expect(own.lost).toEqual([]);
  });

  it('sends no more than its window to an actor that takes nothing, and others are served', async () => {
    const made = await world();
    const own = ada(made);
    const raw = new Uint8Array(500);
    for (let n = 0; n < 1_000; n += 1) own.echo.held({ ms: 1_000_000, raw });
    await made.advance(5_000);
    // 256 of about 550 bytes, of which 8 are in the mailbox.
    const { read } = made.wires[0]!.server;
    expect(read).toBeGreaterThan(250 * 500);
    expect(read).toBeLessThan(300 * 600);
    expect(made.system.statistics().accepted).toBeLessThan(20);
    const other = ada(made, { token: 'token-of-bob' });
    expect(await made.until(other.hits.get())).toBe(0);
  });

  it('holds no more than 4,096 messages for a server that is away, and tells of the others', async () => {
    const made = await world();
    made.isDown = true;
    const own = ada(made);
    for (let n = 0; n < 5_000; n += 1) own.hits.inc();
    expect(own.lost.length).toBe(5_000 - 4_096);
    expect(new Set(own.lost.map(({ reason }) => reason))).toEqual(new Set(['full']));
    expect(await own.hits.get.outcome()).toMatchObject({ ok: false, error: { code: 'Rejected', reason: 'full' } });
    made.isDown = false;
    await made.advance(10_000);
    expect(await made.until(own.hits.get())).toBe(4_096);
  });

  it('is told at once of what no frame carries', async () => {
    const made = await world();
    const own = ada(made);
    const huge = new Uint8Array(2_000_000);
    own.echo.held({ ms: 0, raw: huge });
    expect(await made.until(own.echo.same.outcome({ what: huge }))).toMatchObject({
      ok: false,
      error: { code: 'InvalidMessage' },
    });
    expect(own.lost).toMatchObject([{ reason: 'too-large', count: 1, operation: 'echo.held' }]);
    expect(await made.until(own.echo.large.outcome({ bytes: 2_000_000 }))).toMatchObject({
      ok: false,
      error: { code: 'ActorFailed' },
    });
    expect(await made.until(own.hits.get())).toBe(0);
    expect(made.wires.length).toBe(1);
  });

  it('sends no refs, and does nothing to an actor but what its operations are', async () => {
    const made = await world();
    const own = ada(made);
    expect(await own.echo.same.outcome({ what: own.hits })).toMatchObject({
      ok: false,
      error: { code: 'InvalidMessage', path: ['what'] },
    });
    await expect(stop(own.hits)).rejects.toMatchObject({ code: 'Rejected', reason: 'forbidden' });
    expect(String(own.hits)).toBe('troupe-client://127.0.0.1:1/hits');
  });
});

describe('a client whose link is cut', () => {
  it('goes on: what was asked is answered once, and a stream misses nothing', async () => {
    const made = await world();
    const own = ada(made);
    const slow = own.echo.hang({ ms: 300 });
    const got: number[] = [];
    own.hits.changes().subscribe((n) => got.push(n));
    await made.advance(50);
    made.cut();
    own.hits.inc();
    await made.advance(400);
    expect(await made.until(slow)).toBe(true);
    expect(got.at(-1)).toBe(1);
    expect(made.system.clients!.statistics()).toMatchObject({ admitted: 2, resumed: 1, open: 1 });
    expect(own.lost).toEqual([]);
  });

  it('asks for its token anew, and is closed for good where that is not taken', async () => {
    const made = await world();
    const tokens = ['token-of-ada', 'token-of-ada', 'expired'];
    let asked = 0;
    const statuses: string[] = [];
    const own = ada(made, {
      token: () => tokens[asked++],
      onStatus: (status) => void statuses.push(status),
    });
    await made.until(own.client.opened());
    made.cut();
    await made.until(own.hits.get());
    made.cut();
    const open = own.echo.hang.outcome({ ms: 60_000 }, { timeoutMs: 90_000 });
    await made.advance(1_000);
    expect(asked).toBe(3);
    expect(own.client.status).toBe('closed');
    expect(statuses).toEqual(['open', 'away', 'open', 'away', 'closed']);
    expect(await open).toMatchObject({ ok: false, error: { code: 'NotDelivered' } });
    await expect(own.client.opened()).rejects.toMatchObject({ code: 'ClientClosed', reason: 'refused' });
    expect(own.hits.inc()).toBe(false);
    expect(own.lost).toMatchObject([{ reason: 'closed', operation: 'counter.inc' }]);
  });

  it('tries on when the certificate of its server is trusted no more, and goes on once it is again', async () => {
    const made = await world();
    const told: string[] = [];
    const own = ada(made, { onStatus: (status, { text }) => void told.push(`${status}: ${text}`) });
    await made.until(own.client.opened());
    const slow = own.echo.hang({ ms: 3_000 });
    await made.advance(50);
    made.failure = new DialFailed('untrusted', 'its certificate has expired');
    made.cut();
    await made.advance(2_000);
    expect(own.client.status).toBe('away');
    expect(told.at(-1)).toBe('away: DialFailed: its certificate has expired');
    made.failure = undefined;
    expect(await made.until(slow)).toBe(true);
    expect(made.system.clients!.statistics()).toMatchObject({ resumed: 1, open: 1 });
  });

  it('is closed at once by a certificate that was never trusted', async () => {
    const made = await world();
    made.failure = new DialFailed('untrusted', 'trust its authority');
    const own = ada(made);
    const outcome = own.hits.get.outcome({ timeoutMs: 60_000 });
    await expect(made.until(own.client.opened())).rejects.toMatchObject({
      code: 'ClientClosed',
      reason: 'untrusted',
      message: 'trust its authority',
    });
    expect(await outcome).toMatchObject({ ok: false, error: { code: 'NotDelivered' } });
    expect(own.hits.inc()).toBe(false);
    await made.advance(60_000);
    expect(own.client.status).toBe('closed');
  });

  it('tries again later and later, and never two at once', async () => {
    const made = await world();
    made.isDown = true;
    const statuses: string[] = [];
    const own = ada(made, { redial: { minMs: 100, maxMs: 1_000 }, onStatus: (status) => void statuses.push(status) });
    await made.advance(30_000);
    expect(statuses.length).toBeGreaterThan(20);
    expect(statuses.length).toBeLessThan(70);
    expect(new Set(statuses)).toEqual(new Set(['connecting']));
    made.isDown = false;
    await made.until(own.client.opened());
    expect(made.wires.length).toBe(1);
  });

  it('is who the program says it is now', async () => {
    let mayReach = true;
    const made = await world({
      authenticate: () => ({ id: 'ada', mayReach }),
      allow: [allow(Counter, { operations: ['get'], actors: (name, who) => name === 'hits' && who.mayReach === true })],
    });
    const own = ada(made);
    expect(await made.until(own.hits.get())).toBe(0);
    mayReach = false;
    made.cut();
    const outcome = await made.until(own.hits.get.outcome());
    expect(outcome).toMatchObject({ ok: false, error: { code: 'Rejected', reason: 'forbidden' } });
    expect(made.system.clients!.statistics().resumed).toBe(1);
  });

  it('for longer than the server waits has what was sent end as unknown, and what was not go on', async () => {
    const made = await world({ resumeMs: 1_000 });
    const own = ada(made);
    await made.until(own.hits.get());
    const sent = own.echo.hang.outcome({ ms: 60_000 }, { timeoutMs: 90_000 });
    await made.advance(10);
    made.isDown = true;
    made.cut();
    own.hits.inc();
    const waits = own.hits.get({ timeoutMs: 30_000 });
    await made.advance(3_000);
    expect(await sent).toMatchObject({ ok: false, error: { code: 'OutcomeUnknown', reason: 'link-lost' } });
    made.isDown = false;
    expect(await made.until(waits)).toBe(1);
    expect(own.lost).toEqual([]);
  });
});

describe('allow', () => {
  it.each<[string, () => unknown]>([
    ['an operation that there is not', () => allow(Counter, { operations: ['drop' as never], actors: [] })],
    ['no actors', () => allow(Counter, { operations: ['get'] } as never)],
    ['no operations', () => allow(Counter, { actors: [] } as never)],
    ['an option that there is not', () => allow(Counter, { operations: [], actors: [], all: true } as never)],
    ['an operation that answers with a ref', () => allow(Vault, { operations: ['door'], actors: [] })],
    ['no protocol', () => allow({} as never, { operations: [], actors: [] })],
  ])('refuses %s', (_what, wrong) => {
    expect(wrong).toThrow(expect.objectContaining({ code: 'UsageError' }));
  });
});
