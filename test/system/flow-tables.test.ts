/** A table whose partitions are on threads, asked while it is written. */
import { type ActorSystem, createSystem } from 'troupe';
import { afterEach, expect, it } from 'vitest';
import { latestReadings, type Reading, readings } from './fixtures/flows.ts';

const registry = new URL('./fixtures/flows.ts', import.meta.url);
let system: ActorSystem | undefined;

afterEach(async () => {
  await system?.shutdown({ deadlineMs: 500 });
});

const count = 60_000;
const lateMs = 150;
const bySensor = new Map<string, Reading[]>();
for (const reading of readings(count, lateMs)) {
  const before = bySensor.get(reading.sensor);
  if (before === undefined) bySensor.set(reading.sensor, [reading]);
  else before.push(reading);
}

/** The latest reading of a sensor before that. */
function readingAt(sensor: string, asOfMs: number): Reading | undefined {
  return bySensor
    .get(sensor)
    ?.reduce<Reading | undefined>(
      (latest, one) => (one.at < asOfMs && (latest === undefined || one.at >= latest.at) ? one : latest),
      undefined,
    );
}

it('says what held as of its watermark', async () => {
  system = await createSystem({
    registry,
    threads: 2,
    logLevel: 'silent',
  });
  await using run = await system.run(latestReadings, { args: { count, lateMs, on: 'threads' } });
  const table = run.table('readings');
  let over = false;
  const ended = run.done.finally(() => {
    over = true;
  });
  const asOf = new Set<number>();
  for (let asked = 0; !over || asked < 50; asked += 1) {
    const { entries, asOfMs } = await table.range();
    if (asOf.size < 300) {
      asOf.add(asOfMs);
      const expected = [...bySensor.keys()].sort().flatMap((key) => {
        const value = readingAt(key, asOfMs);
        return value === undefined ? [] : [{ key, value }];
      });
      expect({ asOfMs, entries }).toEqual({ asOfMs, entries: expected });
    }
    const one = await table.get(`s${asked % 7}`);
    if (one !== undefined && asOf.size < 300) expect(one.value).toEqual(readingAt(`s${asked % 7}`, one.asOfMs));
  }
  await ended;
  expect(asOf.size).toBeGreaterThan(2);
}, 180_000);
