/** Bytes between real threads: moved without a copy, shared, in order, and bounded in memory. */
import { type ActorSystem, createSystem, move, type Ref, share, thread } from 'troupe';
import { afterEach, describe, expect, it } from 'vitest';
import { memoryNow, type Vault, vault } from './fixtures/bytes.ts';

const MiB = 2 ** 20;
const registry = new URL('./fixtures/bytes.ts', import.meta.url);
let system: ActorSystem;
afterEach(() => system.shutdown({ deadlineMs: 2_000 }));

async function start(threads = 1): Promise<Ref<typeof Vault>> {
  system = await createSystem({ registry, threads, logLevel: 'silent' });
  return system.spawn(vault, { on: thread() });
}
const chunk = (n: number, length: number): Uint8Array => new Uint8Array(length).fill(n);

describe('bytes to a worker thread', () => {
  it('1,000 chunks of 100 bytes to 200 KiB arrive whole and in order, moved or copied', async () => {
    const ref = await start();
    let bytes = 0;
    for (let n = 0; n < 1_000; n += 1) {
      const length = [100, 16_384, 65_536, 204_800][n % 4]!;
      bytes += length;
      const data = chunk(n, length);
      const goesOn = ref.put({ data: n % 3 === 0 ? data : move(data), n });
      expect(data.length).toBe(n % 3 === 0 ? length : 0);
      if (!goesOn) await ref.came();
    }
    expect(await ref.came()).toEqual({ bytes, count: 1_000, inOrder: true });
    expect(system.statistics()).toMatchObject({ movesCopied: 0, deadLetters: 0 });
  });

  it('256 MiB go there and back without a copy: they are in memory once', async () => {
    const ref = await start();
    const data = new Uint8Array(256 * MiB);
    data[data.length - 1] = 7;
    const before = memoryNow().buffersMb;
    const reply = ref.swap({ data: move(data) }, { timeoutMs: 30_000 });
    expect(data.length).toBe(0);
    const back = await reply;
    expect([back.data.length, back.data.at(-1), back.theirs]).toEqual([256 * MiB, 7, 256 * MiB]);
    expect(memoryNow().buffersMb - before).toBeLessThan(16);
  });

  it('two workers pass them between each other through a stream, each chunk whole', async () => {
    const ref = await start(2);
    const other = await system.spawn(vault, { on: thread() });
    const numbers: number[] = [];
    for await (const data of ref.chunks({ length: 50_000, count: 500 })) {
      numbers.push(data[0]!);
      if (!other.put({ data: move(data), n: numbers.length - 1 })) await other.came();
    }
    expect(numbers).toEqual(Array.from({ length: 500 }, (_, n) => n % 256));
    expect(await other.came()).toEqual({ bytes: 25_000_000, count: 500, inOrder: true });
  });

  it('3 GiB pass through without a trace in memory', async () => {
    const ref = await start();
    const pass = async (rounds: number): Promise<void> => {
      for (let n = 0; n < rounds; n += 1) {
        const back = await ref.swap({ data: move(chunk(n, MiB)) });
        expect(back.data.length).toBe(MiB);
      }
    };
    await pass(64);
    const before = memoryNow();
    await pass(1_500);
    const after = memoryNow();
    expect(after.buffersMb - before.buffersMb).toBeLessThan(48);
    expect(after.rssMb - before.rssMb).toBeLessThan(160);
  }, 60_000);

  it('a consumer that blocks its thread holds 1 MiB chunks back: memory stays bounded, and none is lost unseen', async () => {
    const ref = await start();
    await ref.came();
    ref.block({ ms: 5_000 });
    const before = memoryNow();
    let refused = 0;
    let peakMb = 0;
    for (let n = 0; n < 200; n += 1) {
      const data = new Uint8Array(MiB);
      ref.put({ data: move(data), n });
      if (data.length > 0) refused += 1;
      if (n % 20 === 0) {
        await new Promise((resolve) => setImmediate(resolve));
        peakMb = Math.max(peakMb, memoryNow().buffersMb - before.buffersMb);
      }
    }
    expect(peakMb).toBeLessThan(110);
    expect(refused).toBeGreaterThan(100);
    expect((await ref.came({ timeoutMs: 20_000 })).count + refused).toBe(200);
    expect(system.statistics().deadLetters).toBe(refused);
  }, 30_000);

  it('a reader that stops reading a stream of 1 MiB chunks holds its producer back', async () => {
    const ref = await start();
    const before = (await ref.memory()).buffersMb + memoryNow().buffersMb;
    const values = ref.chunks({ length: MiB, count: 400 })[Symbol.asyncIterator]();
    await values.next();
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect((await ref.memory()).buffersMb + memoryNow().buffersMb - before).toBeLessThan(64);
    let count = 1;
    for (let next = await values.next(); !next.done; next = await values.next()) count += 1;
    expect(count).toBe(400);
  });

  it('offers of 1 MiB to an actor that rests wait for it, and all 100 get there in order', async () => {
    const ref = await start();
    ref.rest({ ms: 2_500 });
    let resolved = 0;
    for (let n = 0; n < 100; n += 1)
      void ref.put.offer({ data: move(chunk(n, MiB)), n }, { timeoutMs: 20_000 }).then(() => (resolved += 1));
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(resolved).toBeLessThan(20);
    while (resolved < 100) await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await ref.came()).toEqual({ bytes: 100 * MiB, count: 100, inOrder: true });
  }, 30_000);

  it('what was transferred to a worker that is gone is a dead letter that says so', async () => {
    const threads = { max: 1, blockedMs: 500 };
    system = await createSystem({ registry, threads, logLevel: 'silent' });
    const ref = await system.spawn(vault, { on: thread() });
    await ref.came();
    const letters: { bytesGone: boolean; length: number }[] = [];
    system.deadLetters.subscribe({
      next: ({ operation, bytesGone, message }) => {
        if (operation === 'vault.put')
          letters.push({ bytesGone, length: (message as { data: Uint8Array }).data.length });
      },
    });
    ref.block({ ms: 60_000 });
    await new Promise((resolve) => setTimeout(resolve, 50)); // it is held by then, and receives nothing more
    for (let n = 0; n < 5; n += 1) ref.put({ data: move(chunk(n, 50_000)), n });
    ref.put({ data: chunk(5, 10), n: 5 });
    await expect.poll(() => letters.length, { timeout: 15_000, interval: 20 }).toBe(6);
    expect(letters).toEqual([
      ...Array.from({ length: 5 }, () => ({ bytesGone: true, length: 0 })),
      { bytesGone: false, length: 10 },
    ]);
  }, 20_000);
});

describe('shared bytes', () => {
  it('are one memory for all threads', async () => {
    const ref = await start(2);
    const other = await system.spawn(vault, { on: thread() });
    const before = memoryNow().rssMb;
    const table = share(chunk(9, 64 * MiB));
    for (let n = 0; n < 20; n += 1) {
      ref.keep({ table });
      other.keep({ table });
    }
    expect(await Promise.all([ref.holds({ byte: 9 }), other.holds({ byte: 9 })])).toEqual([true, true]);
    // The table, and the array that it was made of.
    expect(memoryNow().rssMb - before).toBeLessThan(200);
  });

  it('are freed when no thread holds them any more: 300 of 16 MiB, one after the other', async () => {
    const ref = await start();
    const source = chunk(5, 16 * MiB);
    const round = async (): Promise<void> => {
      ref.keep({ table: share(source) });
      expect(await ref.holds({ byte: 5 })).toBe(true);
      ref.drop();
    };
    for (let n = 0; n < 10; n += 1) await round();
    const before = (await ref.memory()).rssMb;
    let peakMb = 0;
    for (let n = 0; n < 300; n += 1) {
      await round();
      if (n % 10 === 0) {
        await ref.memory();
        peakMb = Math.max(peakMb, memoryNow().rssMb - before);
      }
    }
    expect(peakMb).toBeLessThan(600);
  }, 60_000);
});
