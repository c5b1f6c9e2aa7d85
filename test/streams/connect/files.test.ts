import {
  appendFile,
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { csv, csvFile } from '../../../src/streams/connect/csv.ts';
import { parquet, parquetFile } from '../../../src/streams/connect/parquet.ts';
import { directory, jsonl, type Source, tail, ticks } from '../../../src/streams/index.ts';
import { batchOf } from '../../../src/streams/source.ts';
import { checkSink } from '../../../src/testing/check-sink.ts';
import { checkSource } from '../../../src/testing/check-source.ts';
import { VirtualClock } from '../../../src/testing/virtual-clock.ts';
import { proofRuns } from '../../support/proof-runs.ts';
import { contextOf, read } from './context.ts';

const Row = z.object({ n: z.int(), text: z.string() });
type Row = z.output<typeof Row>;
const rows: Row[] = Array.from({ length: 3_000 }, (_, n) => ({ n, text: `ü"${n}` }));
let folder: string;
let count = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'troupe-files-'));
});
afterAll(() => rm(folder, { recursive: true }));

function fresh(ending: string): string {
  count += 1;
  return join(folder, `${count}.${ending}`);
}

async function fileOf(content: string | Buffer, ending = 'txt'): Promise<string> {
  const file = fresh(ending);
  await writeFile(file, content);
  return file;
}

const linesOf = (items: readonly unknown[]): string => items.map((item) => `${JSON.stringify(item)}\n`).join('');

/** Descriptors of this process for files below the folder. */
async function openFiles(): Promise<number> {
  const { readlink } = await import('node:fs/promises');
  const links = await Promise.all(
    (await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')),
  );
  return links.filter((link) => link.startsWith(folder)).length;
}

describe('jsonl as a source', () => {
  it('keeps the contract of a source', async () => {
    const file = await fileOf(linesOf(rows));
    await checkSource(() => jsonl({ file, row: Row }), {
      expected: rows,
      failing: [() => jsonl({ file: join(folder, 'none'), row: Row }), () => jsonl({ file: folder, row: Row })],
    });
    if (process.platform === 'linux') expect(await openFiles()).toBe(0);
  });

  it('reads any lines, whatever ends them, and from every position the rest', async () => {
    const value = fc.oneof(fc.string(), fc.integer(), fc.record({ text: fc.string({ unit: 'grapheme' }) }));
    await fc.assert(
      fc.asyncProperty(
        fc.array(value),
        fc.constantFrom('\n', '\r\n', '\n \n'),
        fc.boolean(),
        async (items, end, bom) => {
          const file = await fileOf(`${bom ? '\uFEFF' : ''}${items.map((item) => JSON.stringify(item)).join(end)}`);
          expect(await read(jsonl({ file, row: z.any() }))).toEqual(items);
        },
      ),
      { numRuns: proofRuns(30) },
    );
  });

  const bad: [string, string | Buffer, string][] = [
    ['what is no JSON', '{"n":1,"text":""}\n{"n":2,\n', 'line 2 of'],
    ['what does not fit', '{"n":1.5,"text":""}\n', 'at n'],
    ['what is not UTF-8', Buffer.from([0x22, 0xc3, 0x28, 0x22, 0x0a]), 'not UTF-8'],
    ['a line of 2 MiB', `"${'x'.repeat(2 ** 21)}"\n`, 'too long'],
    ['a line of 2 MiB without an end', `"${'x'.repeat(2 ** 21)}`, 'too long'],
  ];
  it.each(bad)('fails at %s, and says where; or leaves it out and counts it', async (_what, content, text) => {
    const file = await fileOf(content);
    await expect(read(jsonl({ file, row: Row }))).rejects.toMatchObject({ code: 'SourceFailed', reason: 'row' });
    await expect(read(jsonl({ file, row: Row }))).rejects.toThrow(text);
    const skipping = jsonl({
      file: await fileOf(Buffer.concat([Buffer.from(content), Buffer.from(`\n${linesOf([rows[7]])}`)])),
      row: Row,
      onBadRow: 'skip',
    });
    expect((await read(skipping)).at(-1)).toEqual(rows[7]);
    expect(skipping.dropped?.()).toBe(1);
  });

  it('refuses what is compressed, what may not be read, and a position behind the end', async () => {
    const gz = await fileOf(Buffer.from([0x1f, 0x8b, 8, 0]));
    await expect(read(jsonl({ file: gz, row: Row }))).rejects.toMatchObject({ reason: 'corrupt' });
    const file = await fileOf('1\n');
    const from = new Map([['', 3]]);
    await expect(
      jsonl({ file, row: z.int() }).open(contextOf(undefined, from))[Symbol.asyncIterator]().next(),
    ).rejects.toMatchObject({ reason: 'position' });
    if (process.getuid?.() === 0) return;
    await chmod(file, 0);
    await expect(read(jsonl({ file, row: z.int() }))).rejects.toMatchObject({ reason: 'unreadable' });
  });

  it('fails when the file is cut while it is read', async () => {
    const file = await fileOf(linesOf(rows));
    const batches = jsonl({ file, row: Row }).open(contextOf())[Symbol.asyncIterator]();
    await batches.next();
    await truncate(file, 10);
    const rest = async (): Promise<void> => {
      while ((await batches.next()).done !== true);
    };
    await expect(rest()).rejects.toMatchObject({ code: 'SourceFailed', reason: 'corrupt' });
  });
});

describe('csv', () => {
  const text = z.object({ n: z.coerce.number(), text: z.string() });

  it('keeps the contract of a source', async () => {
    const file = await fileOf(`\uFEFFn,text\r\n${rows.map(({ n }) => `${n},"ü""${n}"\r\n`).join('')}`);
    const broken = await fileOf('n,text\n1,"a\n');
    await checkSource(() => csv({ file, row: text }), {
      expected: rows,
      failing: [() => csv({ file: broken, row: text }), () => csv({ file: folder, row: text })],
    });
  });

  it('reads what csvFile wrote, whatever the texts are', async () => {
    const record = fc.record({
      a: fc.string({ unit: 'grapheme' }),
      b: fc.constantFrom('', '"', ',', '\r\n', 'x\ny', ' '),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(record), async (items) => {
        const file = fresh('csv');
        const writer = await csvFile<{ a: string; b: string }>({ file, columns: ['a', 'b'] }).open(contextOf());
        await writer.write(items);
        await writer.finish?.();
        expect(await read(csv({ file, row: z.object({ a: z.string(), b: z.string() }) }))).toEqual(items);
      }),
      { numRuns: proofRuns(30) },
    );
  });

  it('fails at a record with too many fields, or leaves it out and counts it', async () => {
    const file = await fileOf('n,text\n1,a\n2,b,c\n3,d\n');
    await expect(read(csv({ file, row: text }))).rejects.toMatchObject({ code: 'SourceFailed', reason: 'row' });
    const skipping = csv({ file, row: text, onBadRow: 'skip' });
    expect(await read(skipping)).toEqual([
      { n: 1, text: 'a' },
      { n: 3, text: 'd' },
    ]);
    expect(skipping.dropped?.()).toBe(1);
  });

  it('fails at a quote that never ends after 1 MiB, at what is not UTF-8, and at what is compressed', async () => {
    const endless = await fileOf(`n,text\n1,"${'x'.repeat(2 ** 21)}`);
    await expect(read(csv({ file: endless, row: text }))).rejects.toMatchObject({ reason: 'row' });
    await expect(
      read(csv({ file: await fileOf(Buffer.from([0x61, 0x0a, 0xff, 0x0a])), row: text })),
    ).rejects.toMatchObject({ reason: 'corrupt' });
    await expect(read(csv({ file: await fileOf(Buffer.from([0x1f, 0x8b])), row: text }))).rejects.toMatchObject({
      reason: 'corrupt',
    });
  });

  it('reads columns that the options name, with another delimiter and without quotes', async () => {
    const file = await fileOf('1;"a\n2;b\n');
    const source = csv({ file, row: text, columns: ['n', 'text'], delimiter: ';', quote: null });
    expect(await read(source)).toEqual([
      { n: 1, text: '"a' },
      { n: 2, text: 'b' },
    ]);
  });
});

describe('sinks of files', () => {
  it('jsonl keeps the contract of a sink', async () => {
    let file = '';
    await checkSink<Row>(
      () => {
        file = fresh('jsonl');
        return jsonl<Row>({ file });
      },
      {
        items: rows.slice(0, 100),
        read: async () =>
          (await readFile(file, 'utf8'))
            .split('\n')
            .filter(Boolean)
            .map((line) => JSON.parse(line)),
        failing: [() => jsonl<Row>({ file: folder })],
      },
    );
  });

  it('csvFile keeps the contract of a sink', async () => {
    let file = '';
    await checkSink<Row>(
      () => {
        file = fresh('csv');
        return csvFile<Row>({ file, columns: ['n', 'text'] });
      },
      {
        items: rows.slice(0, 100),
        read: () => read(csv({ file, row: z.object({ n: z.coerce.number(), text: z.string() }) })),
        failing: [() => csvFile<Row>({ file: '/dev/full', columns: ['n'] })],
      },
    );
  });

  it('parquetFile keeps the contract of a sink, and leaves nothing when it is aborted', async () => {
    let file = '';
    const make = (): ReturnType<typeof parquetFile<Row>> => {
      file = fresh('parquet');
      return parquetFile<Row>({ file, columns: { n: 'INT64', text: 'STRING' }, rowGroupRows: 30 });
    };
    const written = async (): Promise<Row[]> =>
      (await readdir(folder)).includes(file.slice(folder.length + 1)) ? read(parquet({ file, row: Row })) : [];
    await checkSink<Row>(make, {
      items: rows.slice(0, 100),
      read: written,
      failing: [() => parquetFile<Row>({ file, columns: { text: 'INT64' } })],
    });
    expect((await readdir(folder)).filter((name) => name.endsWith('.partial'))).toEqual([]);
  });

  it('parquet keeps the contract of a source, over row groups', async () => {
    const file = fresh('parquet');
    const writer = await parquetFile<Row>({ file, columns: { n: 'INT32', text: 'STRING' }, rowGroupRows: 1_100 }).open(
      contextOf(),
    );
    await writer.write(rows);
    await writer.finish?.();
    await checkSource(() => parquet({ file, row: Row }), {
      expected: rows,
      failing: [() => parquet({ file: folder, row: Row })],
    });
  });
});

describe('tail', () => {
  /** Elements of a source that has no end, as they come. */
  async function* each<T>(
    source: Source<T>,
    stop: AbortController,
    clock?: VirtualClock,
  ): AsyncGenerator<T | 'caught up'> {
    for await (const given of source.open({ ...contextOf(stop.signal), ...(clock === undefined ? {} : { clock }) })) {
      const { items, caughtUp } = batchOf(given);
      yield* items;
      if (caughtUp === true) yield 'caught up';
    }
  }
  const next = async <T>(items: AsyncGenerator<T>): Promise<T | undefined> => (await items.next()).value;

  it('keeps the contract of a source', async () => {
    const file = await fileOf(linesOf(rows));
    await checkSource(() => tail({ file, from: 'start', row: Row }), {
      expected: rows,
      failing: [() => tail({ file: folder }), () => tail({ file: join(folder, 'none') })],
    });
  });

  it('waits for the end of a line, follows a file that is moved away, and begins again in one that is cut', async () => {
    const file = await fileOf('old\nhal', 'log');
    const stop = new AbortController();
    const lines = each(tail({ file, from: 'start', pollMs: 20 }), stop);
    expect(await next(lines)).toBe('old');
    expect(await next(lines)).toBe('caught up');
    await appendFile(file, 'f\n');
    expect(await next(lines)).toBe('half');
    expect(await next(lines)).toBe('caught up');
    await appendFile(file, 'last without an end');
    await rename(file, `${file}.1`);
    await writeFile(file, 'new\n');
    expect(await next(lines)).toBe('last without an end');
    expect(await next(lines)).toBe('new');
    expect(await next(lines)).toBe('caught up');
    await writeFile(file, '1\n');
    expect(await next(lines)).toBe('1');
    stop.abort();
    for await (const line of lines) expect(line).toBe('caught up');
  });

  it('begins at the end with the line that is half written', async () => {
    const file = await fileOf('a\nb\nha');
    const stop = new AbortController();
    const lines = each(tail({ file, pollMs: 20 }), stop);
    expect(await next(lines)).toBe('caught up');
    await appendFile(file, 'lf\n');
    expect(await next(lines)).toBe('half');
    stop.abort();
  });
});

describe('directory', () => {
  async function folderOf(files: Record<string, string>): Promise<string> {
    const path = fresh('d');
    await mkdir(join(path, 'a subfolder'), { recursive: true });
    for (const [name, content] of Object.entries(files)) await writeFile(join(path, name), content);
    return path;
  }

  it('keeps the contract of a source, and gives files by name, each as a split', async () => {
    const path = await folderOf({ 'b.jsonl': '3\n4\n', 'a.jsonl': '1\n2\n', 'c.txt': 'none', 'd.jsonl': '' });
    const make = (): Source<number> =>
      directory({ path, match: /\.jsonl$/, read: (file) => jsonl({ file, row: z.int() }) });
    await checkSource(make, {
      expected: [1, 2, 3, 4],
      failing: [() => directory({ path: join(path, 'none'), read: (file) => jsonl({ file, row: z.int() }) })],
    });
    const splits: unknown[] = [];
    for await (const given of make().open(contextOf())) splits.push(batchOf(given));
    expect(splits).toContainEqual({ items: [1, 2], split: 'a.jsonl', position: 4 });
    expect(splits).toContainEqual({ items: [], split: 'd.jsonl', splitEnded: true });
  });

  it('goes on with files that come, when it watches', async () => {
    const path = await folderOf({ a: '1\n' });
    const stop = new AbortController();
    const seen: number[] = [];
    const source = directory({ path, watch: true, pollMs: 20, read: (file) => jsonl({ file, row: z.int() }) });
    for await (const given of source.open(contextOf(stop.signal))) {
      const { items, caughtUp } = batchOf(given);
      seen.push(...items);
      if (caughtUp === true && seen.length === 1) {
        await writeFile(join(folder, 'moving'), '2\n');
        await rename(join(folder, 'moving'), join(path, 'b'));
      }
      if (seen.length === 2) stop.abort();
    }
    expect(seen).toEqual([1, 2]);
  });
});

describe('ticks', () => {
  it('keeps the contract of a source', async () => {
    await checkSource(() => ticks({ everyMs: 1, count: 3 }));
  });

  it('makes no tick while nobody asks, counts it, and leaves its number out', async () => {
    const clock = new VirtualClock();
    const source = ticks({ everyMs: 10, count: 8 });
    const batches = source.open({ ...contextOf(), clock })[Symbol.asyncIterator]();
    const tick = async (): Promise<number> => batchOf<{ tick: number }>((await batches.next()).value!).items[0]!.tick;
    expect(await tick()).toBe(0);
    clock.goTo(35);
    expect(await tick()).toBe(3);
    expect(source.dropped?.()).toBe(2);
    const waiting = tick();
    await Promise.resolve();
    expect(clock.fireNext(39)).toBe(false);
    expect(clock.fireNext(40)).toBe(true);
    expect(await waiting).toBe(4);
  });
});
