import { expect, it } from 'vitest';
import { CollectOverflow } from '../../src/streams/errors.ts';
import { flowErrorFromWire, flowErrorToWire } from '../../src/streams/flow-error-codec.ts';
import { collect } from '../../src/streams/windows/elements.ts';
import { makeWindowing } from '../../src/streams/windows/make-windowing.ts';
import { onClose } from '../../src/streams/windows/trigger.ts';
import { tumbling } from '../../src/streams/windows/window.ts';

it('an overflow of collect is the same on the other side of a wire: its code, stage, bound and words', () => {
  const windowing = makeWindowing(tumbling({ sizeMs: 10 }), onClose(), {
    stage: 'window-2',
    allowedLatenessMs: 0,
    keyOf: () => 'key',
    aggregates: { all: collect(undefined, { max: 2 }) },
  });
  windowing.add(1, 1);
  windowing.add(2, 2);
  let thrown: unknown;
  try {
    windowing.add(3, 3);
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(CollectOverflow);
  const wire = JSON.parse(JSON.stringify(flowErrorToWire(thrown)));
  const error = flowErrorFromWire(wire);
  expect(error).toBeInstanceOf(CollectOverflow);
  expect(error).toMatchObject({ code: 'CollectOverflow', stage: 'window-2', max: 2, by: 'collect', retryable: false });
  expect(error.message).toBe((thrown as Error).message);
  expect(error.message).toContain("stage 'window-2': collect was to keep more than 2");
});
