import { expect, it } from 'vitest';
import { makeWindowing } from '../../../src/streams/windows/make-windowing.ts';
import { count } from '../../../src/streams/windows/numbers.ts';
import { onClose, onWatermark } from '../../../src/streams/windows/trigger.ts';
import { session, sliding, tumbling } from '../../../src/streams/windows/window.ts';

it.each([
  ['tumbling', tumbling({ sizeMs: 100 }), onClose()],
  ['sliding', sliding({ sizeMs: 100, slideMs: 30 }), onClose()],
  ['sliding with late results', sliding({ sizeMs: 100, slideMs: 50 }), onWatermark()],
  ['session', session({ gapMs: 50 }), onClose()],
] as const)('state of %s windows goes: of 100,000 keys that came and went nothing is left', (_, window, trigger) => {
  const options = { stage: 'window', allowedLatenessMs: 0, keyOf: (item: unknown) => item as string };
  const windowing = makeWindowing(window, trigger, { ...options, aggregates: { n: count() } });
  let held = 0;
  for (let n = 0; n < 100_000; n += 1) {
    windowing.add(`key ${n}`, n);
    if (n % 1_000 > 0) continue;
    windowing.advance(n - 10);
    while (windowing.next() !== undefined) held = Math.max(held, windowing.held.keys);
  }
  windowing.advance(200_000);
  while (windowing.next() !== undefined);
  expect(held).toBeLessThan(2_000);
  expect(windowing.held).toMatchObject({ windows: 0, keys: 0 });
  // The table of rows keeps the room that it needed since it was last empty.
  expect(windowing.held.stateBytes).toBeLessThan(400_000);
});
