/** The chaos proxy between two sockets, and between two nodes. */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { createSystem, node, UsageError } from 'troupe';
import { type ChaosProxy, chaosProxy } from 'troupe/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { counter } from '../system/fixtures/actors.ts';

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** A server behind a proxy: what it got, and its sockets. */
async function behindProxy(seed = 1): Promise<{
  readonly proxy: ChaosProxy;
  readonly received: Buffer[];
  readonly sockets: Socket[];
  dial(): Promise<Socket>;
}> {
  const received: Buffer[] = [];
  const sockets: Socket[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.push(socket);
    socket.on('data', (bytes) => received.push(bytes));
    socket.on('error', () => undefined);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { readonly port: number };
  const proxy = await chaosProxy({ to: `tcp://127.0.0.1:${port}`, seed });
  ends.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  ends.push(() => proxy.close());
  const dial = async (): Promise<Socket> => {
    const before = sockets.length;
    const socket = connect({ port: Number(new URL(proxy.address).port), host: '127.0.0.1', allowHalfOpen: true });
    socket.on('error', () => undefined);
    ends.push(() => socket.destroy());
    await once(socket, 'connect');
    await expect.poll(() => sockets.length).toBe(before + 1);
    return socket;
  };
  return { proxy, received, sockets, dial };
}

const bytes = (length: number): Buffer => Buffer.from(Uint8Array.from({ length }, (_, index) => index % 251));
const total = (parts: readonly Buffer[]): number => parts.reduce((sum, one) => sum + one.length, 0);
const closing = (socket: Socket) => new Promise((resolve) => socket.on('close', resolve));
const passes = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe('the chaos proxy', () => {
  it('carries 3 MB in both directions unchanged when it is told nothing', async () => {
    const { received, sockets, dial, proxy } = await behindProxy();
    const socket = await dial();
    const back: Buffer[] = [];
    socket.on('data', (some) => back.push(some));
    const sent = bytes(3_000_000);
    socket.write(sent);
    sockets[0]!.write(sent);
    await expect.poll(() => [total(received), total(back)]).toEqual([sent.length, sent.length]);
    expect(Buffer.concat(received).equals(sent) && Buffer.concat(back).equals(sent)).toBe(true);
    expect(proxy.statistics).toEqual({ connections: 1, open: 1, up: sent.length, down: sent.length, flipped: 0 });
  });

  it('keeps all bytes in order under delay, jitter and pieces of 1 to 5 bytes', async () => {
    const { proxy, received, dial } = await behindProxy(2);
    proxy.suffer({ delayMs: 2, jitterMs: 5, pieceBytesMax: 5 });
    const socket = await dial();
    const sent = bytes(2_000);
    for (let at = 0; at < sent.length; at += 100) socket.write(sent.subarray(at, at + 100));
    await expect.poll(() => total(received)).toBe(sent.length);
    expect(Buffer.concat(received).equals(sent)).toBe(true);
  });

  it('holds every byte back for at least 60 ms', async () => {
    const { proxy, received, dial } = await behindProxy();
    proxy.suffer({ delayMs: 60 }, 'up');
    const socket = await dial();
    const began = performance.now();
    socket.write('x');
    await expect.poll(() => received.length, { interval: 1 }).toBe(1);
    expect(performance.now() - began).toBeGreaterThanOrEqual(59);
  });

  it('takes at least 150 ms for 20,000 bytes at 100,000 bytes per second', async () => {
    const { proxy, received, dial } = await behindProxy();
    proxy.suffer({ bytesPerSecond: 100_000, pieceBytesMax: 1_000 });
    const socket = await dial();
    const began = performance.now();
    socket.write(bytes(20_000));
    await expect.poll(() => total(received)).toBe(20_000);
    expect(performance.now() - began).toBeGreaterThanOrEqual(150);
  });

  it('flips the same bits for the same seed, however the bytes were written', async () => {
    const runs: Buffer[] = [];
    for (const [seed, step] of [
      [7, 10_000],
      [7, 313],
      [8, 10_000],
    ] as const) {
      const { proxy, received, dial } = await behindProxy(seed);
      proxy.suffer({ flipOneIn: 500 }, 'up');
      const socket = await dial();
      const sent = bytes(10_000);
      for (let at = 0; at < sent.length; at += step) {
        socket.write(sent.subarray(at, at + step));
        await passes(1);
      }
      await expect.poll(() => total(received)).toBe(10_000);
      const got = Buffer.concat(received);
      runs.push(got);
      const differing = got.filter((byte, index) => byte !== sent[index]).length;
      expect(differing).toBeGreaterThan(5);
      expect(proxy.statistics.flipped).toBe(differing);
    }
    expect(runs[0]!.equals(runs[1]!)).toBe(true);
    expect(runs[0]!.equals(runs[2]!)).toBe(false);
  });

  it('hits every byte with flipOneIn: 1', async () => {
    const { proxy, received, dial } = await behindProxy();
    proxy.suffer({ flipOneIn: 1 });
    const socket = await dial();
    const sent = bytes(300);
    socket.write(sent);
    await expect.poll(() => total(received)).toBe(300);
    expect(Buffer.concat(received).some((byte, index) => byte === sent[index])).toBe(false);
  });

  it('carries nothing while stalled, tells nobody of an end, and carries all of it afterwards', async () => {
    const { proxy, received, sockets, dial } = await behindProxy();
    const socket = await dial();
    proxy.stall();
    socket.write('kept');
    let ended = false;
    sockets[0]!.on('end', () => {
      ended = true;
    });
    socket.end();
    await passes(50);
    expect([total(received), ended, proxy.statistics.open]).toEqual([0, false, 1]);
    proxy.resume();
    await expect.poll(() => [Buffer.concat(received).toString(), ended]).toEqual(['kept', true]);
  });

  it('does not tell the other side of a reset before the cable is whole again', async () => {
    const { proxy, sockets, dial } = await behindProxy();
    const socket = await dial();
    proxy.stall();
    let closed = false;
    sockets[0]!.on('close', () => {
      closed = true;
    });
    socket.resetAndDestroy();
    await passes(50);
    expect(closed).toBe(false);
    proxy.resume();
    await expect.poll(() => closed).toBe(true);
  });

  it('stalls one direction and leaves the other', async () => {
    const { proxy, received, sockets, dial } = await behindProxy();
    const socket = await dial();
    const back: Buffer[] = [];
    socket.on('data', (some) => back.push(some));
    proxy.stall('up');
    socket.write('up');
    sockets[0]!.write('down');
    await expect.poll(() => Buffer.concat(back).toString()).toBe('down');
    expect(received).toEqual([]);
  });

  it('keeps no more than about 1 MiB of a sender that goes on writing into a stall', async () => {
    const { proxy, dial } = await behindProxy();
    const socket = await dial();
    proxy.stall();
    socket.write(bytes(64 * 1_048_576));
    await passes(200);
    // The rest waits at the sender: in its own buffer and in those of the two kernels' sockets.
    expect(socket.writableLength).toBeGreaterThan(16 * 1_048_576);
    proxy.resume();
    await expect.poll(() => proxy.statistics.up, { timeout: 10_000 }).toBe(64 * 1_048_576);
  });

  it('ends connections with RST and lets the next one in', async () => {
    const { proxy, dial } = await behindProxy();
    const socket = await dial();
    const failed = once(socket, 'error');
    proxy.reset();
    await expect(failed).resolves.toMatchObject([{ code: 'ECONNRESET' }]);
    await dial();
    expect(proxy.statistics).toMatchObject({ connections: 2, open: 1 });
  });

  it('refuses all after a cut, until it is mended', async () => {
    const { proxy, received, dial } = await behindProxy();
    const socket = await dial();
    proxy.cut();
    await closing(socket);
    const refused = connect({ port: Number(new URL(proxy.address).port), host: '127.0.0.1' });
    refused.on('error', () => undefined);
    await closing(refused);
    proxy.mend();
    (await dial()).write('again');
    await expect.poll(() => Buffer.concat(received).toString()).toBe('again');
  });

  it('ends one direction with FIN while the other goes on', async () => {
    const { proxy, sockets, dial } = await behindProxy();
    const socket = await dial();
    const back: Buffer[] = [];
    socket.on('data', (some) => back.push(some));
    const ended = once(sockets[0]!, 'end');
    proxy.halfClose('up');
    await ended;
    sockets[0]!.write('still here');
    await expect.poll(() => Buffer.concat(back).toString()).toBe('still here');
  });

  it('passes on what one side ends, and forgets the connection when both have', async () => {
    const { proxy, sockets, dial } = await behindProxy();
    const socket = await dial();
    const ended = once(sockets[0]!, 'end');
    socket.resume().end('bye');
    sockets[0]!.resume();
    await ended;
    sockets[0]!.end();
    await expect.poll(() => proxy.statistics.open).toBe(0);
    expect(proxy.statistics.up).toBe(3);
  });

  it.each([
    ['no target', () => chaosProxy({ seed: 1 } as never)],
    ['a target without a port', () => chaosProxy({ to: 'ws://127.0.0.1', seed: 1 })],
    ['a seed that is no integer', () => chaosProxy({ to: 'ws://127.0.0.1:1', seed: 0.5 })],
  ])('refuses %s', async (_what, start) => {
    await expect(start()).rejects.toThrow(UsageError);
  });

  it('refuses faults and directions that make no sense', async () => {
    const { proxy } = await behindProxy();
    expect(() => proxy.suffer({ delayMs: -1 })).toThrow(UsageError);
    expect(() => proxy.suffer({ flipOneIn: 0.5 })).toThrow(UsageError);
    expect(() => proxy.suffer({ latency: 5 } as never)).toThrow(UsageError);
    expect(() => proxy.stall('left' as never)).toThrow(/up, down or both/);
  });
});

describe('two nodes with the proxy between them', () => {
  const registry = new URL('../system/fixtures/actors.ts', import.meta.url);

  it('join, and 200 asks are answered in order, over a line of pieces of 1 to 7 bytes with jitter', async () => {
    const far = await createSystem({ registry, threads: 0, listen: 'ws://127.0.0.1:0', roles: ['far'] });
    ends.push(() => far.shutdown({ deadlineMs: 200 }));
    const proxy = await chaosProxy({ to: far.address!, seed: 5 });
    ends.push(() => proxy.close());
    proxy.suffer({ pieceBytesMax: 7, jitterMs: 3 });
    const near = await createSystem({ registry, threads: 0, join: [proxy.address] });
    ends.push(() => near.shutdown({ deadlineMs: 200 }));
    const ref = await near.spawn(counter, { on: node({ role: 'far' }) });
    const answers: number[] = [];
    for (let n = 0; n < 200; n += 1) {
      ref.add({ by: 1 });
      answers.push(await ref.total());
    }
    expect(answers).toEqual(Array.from({ length: 200 }, (_, n) => n + 1));
  });
});
