import { Readable, Writable } from 'node:stream';
import { ReadableStream, WritableStream } from 'node:stream/web';
import { describe, expect, it } from 'vitest';
import { fromIterable, fromReadable, fromWeb, type Source, toWeb, toWritable } from '../../src/streams/index.ts';
import { checkSink } from '../../src/testing/check-sink.ts';
import { checkSource } from '../../src/testing/check-source.ts';
import { read } from './connect/context.ts';

const numbers = Array.from({ length: 3_000 }, (_, n) => n);

describe('fromIterable', () => {
  it('keeps the contract of a source', async () => {
    await checkSource(() => fromIterable(numbers), { expected: numbers });
    await checkSource(() => fromIterable(numbers.values()), { expected: numbers });
  });

  it('keeps it for an asynchronous generator, up to 256 elements ahead and one on its way', async () => {
    let pulled = 0;
    let isOpen = false;
    async function* counted(): AsyncGenerator<number> {
      isOpen = true;
      try {
        for (const n of numbers) {
          pulled += 1;
          yield n;
        }
      } finally {
        isOpen = false;
      }
    }
    await checkSource(
      () => {
        pulled = 0;
        return fromIterable(counted());
      },
      { expected: numbers, readSoFar: () => pulled, readAheadMax: 257, isOpen: () => isOpen },
    );
  });
});

describe('streams of Node', () => {
  it('fromReadable keeps the contract of a source, and reads no more than the highWaterMark ahead', async () => {
    let pulled = 0;
    let last: Readable | undefined;
    const make = (): Source<number> => {
      pulled = 0;
      last = new Readable({
        objectMode: true,
        highWaterMark: 10,
        read() {
          this.push(pulled < numbers.length ? numbers[pulled++] : null);
        },
      });
      return fromReadable<number>(last);
    };
    await checkSource(make, {
      expected: numbers,
      readSoFar: () => pulled,
      readAheadMax: 11,
      isOpen: () => pulled > 0 && last?.destroyed === false,
    });
  });

  it('fromReadable fails with what its stream fails with', async () => {
    const broken = new Readable({
      objectMode: true,
      read() {
        this.destroy(new Error('no more'));
      },
    });
    await expect(read(fromReadable(broken))).rejects.toThrow('no more');
  });

  it('toWritable keeps the contract of a sink over a stream that takes one at a time', async () => {
    let seen: number[] = [];
    let last: Writable | undefined;
    await checkSink<number>(
      () => {
        const mine: number[] = [];
        seen = mine;
        last = new Writable({
          objectMode: true,
          highWaterMark: 1,
          write(item: number, _encoding, done) {
            mine.push(item);
            setImmediate(done);
          },
        });
        return toWritable<number>(last);
      },
      { items: numbers.slice(0, 50), read: () => seen, isOpen: () => last?.destroyed === false },
    );
  });
});

describe('streams of the web', () => {
  it('fromWeb keeps the contract of a source', async () => {
    let pulled = 0;
    const make = (): Source<number> => {
      pulled = 0;
      return fromWeb(
        new ReadableStream<number>(
          {
            pull(controller) {
              if (pulled < numbers.length) controller.enqueue(numbers[pulled++]!);
              else controller.close();
            },
          },
          { highWaterMark: 1 },
        ),
      );
    };
    await checkSource(make, { expected: numbers, readSoFar: () => pulled, readAheadMax: 258 });
  });

  it('toWeb keeps the contract of a sink', async () => {
    let seen: number[] = [];
    await checkSink<number>(
      () => {
        const mine: number[] = [];
        seen = mine;
        return toWeb(
          new WritableStream<number>({
            write(item) {
              mine.push(item);
            },
          }),
        );
      },
      { items: numbers.slice(0, 50), read: () => seen },
    );
  });
});
