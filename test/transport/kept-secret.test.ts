/** A secret that is replaced while a node runs, in virtual time. */
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { pass } from '../../src/testing/event-loop.ts';
import { VirtualClock } from '../../src/testing/virtual-clock.ts';
import type { SecretFailed } from '../../src/transport/errors.ts';
import { KeptSecret } from '../../src/transport/kept-secret.ts';
import { Secret, secretFromFile } from '../../src/transport/secret.ts';
import { bytesOf } from './support.ts';

const message = bytesOf('a transcript');
const of = (letter: string, next?: string): Secret =>
  new Secret(Buffer.from(letter.repeat(32)), next === undefined ? undefined : Buffer.from(next.repeat(32)));

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'troupe-kept-'));
});
afterAll(() => rm(folder, { recursive: true }));

let problems: SecretFailed[];
beforeEach(() => {
  problems = [];
});
const note = (problem: SecretFailed): void => void problems.push(problem);

describe('a secret that is kept', () => {
  it('is read again every 5 s, and its owner is told when it is another, not when it is the same', async () => {
    const clock = new VirtualClock();
    const reads = [of('o'), of('o'), of('o', 'n'), of('n', 'o'), of('n')];
    const kept = await KeptSecret.read(async () => reads.shift() ?? of('n'), note);
    const told: number[] = [];
    kept.begin(clock, () => told.push(clock.monotonicMs()));
    for (let n = 0; n < 6; n += 1) {
      clock.goTo(clock.monotonicMs() + 5_000);
      while (clock.fireNext(clock.monotonicMs()));
      await pass();
    }
    expect(told).toEqual([10_000, 20_000]);
    expect(kept.current.equals(of('n'))).toBe(true);
    kept.close();
    expect(clock.fireNext(100_000)).toBe(false);
  });

  it('goes over two files by one rename, and is never the old one alone once there was another', async () => {
    const [file, next] = [join(folder, 'secret'), join(folder, 'next')];
    await writeFile(file, 'o'.repeat(32), { mode: 0o600 });
    const kept = await KeptSecret.read(() => secretFromFile(file, next), note);
    expect([await kept.refresh(), kept.current.count]).toEqual([false, 1]);
    await writeFile(next, 'n'.repeat(32), { mode: 0o600 });
    expect([await kept.refresh(), kept.current.count]).toEqual([true, 2]);
    // Renamed while it is being read, again and again, wherever that falls.
    let held = 0;
    for (let n = 0; n < 50; n += 1) {
      const [reading] = await Promise.all([secretFromFile(file, next), rename(next, file)]);
      if (reading.verify(message, of('n').sign(message))) held += 1;
      await writeFile(file, 'o'.repeat(32));
      await writeFile(next, 'n'.repeat(32));
    }
    expect(held).toBe(50);
    await rename(next, file);
    expect([await kept.refresh(), kept.current.count]).toEqual([true, 1]);
    expect(kept.current.equals(of('n'))).toBe(true);
    expect(problems).toEqual([]);
  });

  it.each([
    ['empty', '', 'too-short'],
    ['half written', 'n'.repeat(31), 'too-short'],
  ])('stays as it was while the next file is %s, and says so once', async (_what, text, reason) => {
    const [file, next] = [join(folder, 'a'), join(folder, 'b')];
    await writeFile(file, 'o'.repeat(32), { mode: 0o600 });
    await rm(next, { force: true });
    const kept = await KeptSecret.read(() => secretFromFile(file, next), note);
    await writeFile(next, text, { mode: 0o600 });
    for (let n = 0; n < 3; n += 1) expect(await kept.refresh()).toBe(false);
    expect(problems).toMatchObject([{ reason }]);
    expect(problems[0]!.message).not.toContain('nnn');
    expect(kept.current.equals(of('o'))).toBe(true);
    await writeFile(next, 'n'.repeat(32));
    expect(await kept.refresh()).toBe(true);
  });

  it('stays as it was when whoever gives it fails, and asks again', async () => {
    const answers: (Secret | Error)[] = [of('o'), new TypeError('the vault is sealed'), of('n')];
    const kept = await KeptSecret.read(async () => {
      const answer = answers.shift()!;
      if (answer instanceof Error) throw answer;
      return answer;
    }, note);
    expect(await kept.refresh()).toBe(false);
    expect(problems).toMatchObject([
      { code: 'SecretFailed', reason: 'unreadable', message: expect.stringMatching(/vault is sealed/) },
    ]);
    expect(await kept.refresh()).toBe(true);
    expect(kept.current.equals(of('n'))).toBe(true);
  });

  it('asks once at a time, so that an answer that is late replaces none that is newer', async () => {
    let asked = 0;
    const waiting: ((secret: Secret) => void)[] = [];
    const reads = (): Promise<Secret> => {
      asked += 1;
      return asked === 1 ? Promise.resolve(of('o')) : new Promise((resolve) => waiting.push(resolve));
    };
    const kept = await KeptSecret.read(reads, note);
    const both = [kept.refresh(), kept.refresh()];
    expect(asked).toBe(2);
    waiting[0]!(of('n'));
    expect(await Promise.all(both)).toEqual([true, true]);
  });

  it('tells which of the live secrets made a proof', () => {
    const both = of('o', 'n');
    const [old, next] = both.proofsIn(message, both.sign(message));
    expect([of('o').holds(old!), of('n').holds(old!), of('n').holds(next!)]).toEqual([true, false, true]);
    expect(both.proofsIn(message, of('n').sign(message))).toEqual([next]);
    expect(both.proofsIn(message, of('x').sign(message))).toEqual([]);
  });
});
