/** The port of clients over real sockets: addresses that show wrong tokens. */
import { createConnection } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { Dispatcher } from '../../src/base/platform/dispatcher.ts';
import { realClock } from '../../src/base/platform/real-clock.ts';
import { realRandom } from '../../src/base/platform/real-random.ts';
import { connect } from '../../src/client/node.ts';
import type { ClientsOptions } from '../../src/index.ts';
import type { ActorSystem } from '../../src/runtime/actor-system.ts';
import { startSystemIn } from '../../src/runtime/start-system.ts';
import { workerPlaces } from '../../src/runtime/worker-places.ts';
import { CapturedLog } from '../../src/testing/captured-log.ts';
import type { PortRefusal } from '../../src/transport/websocket-listener.ts';
import { WebSocketNetwork } from '../../src/transport/websocket-network.ts';
import { Counter, clientsOptions, counter } from './fixtures.ts';

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

interface Port {
  readonly system: ActorSystem;
  readonly port: number;
  readonly refusals: PortRefusal[];
}

/** One to which this machine's own addresses are as any others. */
async function listening(more: Partial<ClientsOptions> = {}, banMs = 1_000): Promise<Port> {
  const refusals: PortRefusal[] = [];
  const clock = realClock();
  const network = new WebSocketNetwork({
    clock,
    limits: { banMs },
    isExempt: () => false,
    onRefused: (refusal) => refusals.push(refusal),
  });
  const environment = {
    clock,
    random: realRandom(),
    scheduler: new Dispatcher(() => clock.monotonicMs()),
    network,
    places: workerPlaces(),
  };
  const clients = clientsOptions(more);
  const { system } = await startSystemIn({ environment, log: new CapturedLog() }, { threads: 0, clients });
  ends.push(() => system.shutdown({ deadlineMs: 500 }));
  await system.spawn(counter, { name: 'hits' });
  return { system, port: Number(new URL(system.clients!.address).port), refusals };
}

function request(token: string): string {
  return [
    'GET / HTTP/1.1',
    'Host: 127.0.0.1',
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
    `Sec-WebSocket-Protocol: troupe.client.v1, troupe.token.${Buffer.from(token).toString('base64url')}`,
    '',
    '',
  ].join('\r\n');
}

/** What becomes of that token from that address. */
function tryFrom(port: number, localAddress: string, token = 'wrong'): Promise<string> {
  return new Promise((resolve) => {
    const socket = createConnection({ port, host: '127.0.0.1', localAddress });
    let got = Buffer.alloc(0);
    socket.on('data', (bytes) => {
      got = Buffer.concat([got, bytes]);
      if (got.includes('authentication refused')) socket.destroy();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(got.length === 0 ? 'shut out' : 'refused'));
    socket.on('connect', () => socket.write(request(token)));
  });
}

const banned = ({ refusals }: Port): string[] =>
  refusals.filter(({ event }) => event === 'address-banned').map(({ remote }) => remote);

describe.runIf(process.platform === 'linux')('an address that shows 10 wrong tokens', () => {
  it('is shut out for the time of a ban, and no other is; then it may try again', async () => {
    const made = await listening();
    const answers: string[] = [];
    for (let n = 0; n < 12; n += 1) answers.push(await tryFrom(made.port, '127.0.0.2'));
    expect(answers).toEqual([...Array.from({ length: 10 }, () => 'refused'), 'shut out', 'shut out']);
    expect(banned(made)).toEqual(['127.0.0.2']);
    expect(await tryFrom(made.port, '127.0.0.3')).toBe('refused');
    const ada = connect(made.system.clients!.address, { token: 'token-of-ada' });
    expect(await ada.ref(Counter, 'hits').get()).toBe(0);
    await ada.close();
    await expect.poll(() => tryFrom(made.port, '127.0.0.2'), { timeout: 10_000 }).toBe('refused');
  });

  it('is not shut out while a client from there has a link, nor for a while after it', async () => {
    const made = await listening({}, 60_000);
    const ada = connect(made.system.clients!.address, { token: 'token-of-ada' });
    await ada.ref(Counter, 'hits').get();
    for (let n = 0; n < 15; n += 1) expect(await tryFrom(made.port, '127.0.0.1')).toBe('refused');
    await ada.close();
    for (let n = 0; n < 15; n += 1) expect(await tryFrom(made.port, '127.0.0.1')).toBe('refused');
    expect(banned(made)).toEqual([]);
  });

  it('is not shut out where it is a proxy, behind which everybody is', async () => {
    const made = await listening({ proxies: ['127.0.0.2'] }, 60_000);
    for (let n = 0; n < 15; n += 1) expect(await tryFrom(made.port, '127.0.0.2')).toBe('refused');
    expect(banned(made)).toEqual([]);
  });
});
