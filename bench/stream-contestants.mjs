/** Whose streams run the same operators. Those that hold back a fast source say so; a plain Subject does not. */
import { existsSync } from 'node:fs';

function onNode(name, module, { note, missing = () => undefined, settings = {} } = {}) {
  return {
    name,
    ours: name.startsWith('troupe'),
    note,
    unavailable: missing,
    command: (program, mode) => [process.execPath, path('run-stream.mjs'), name, program, mode],
    load: async () => (await import(module)).open(settings),
  };
}

function effectMissing() {
  if (existsSync(path('peers/node_modules/effect/package.json'))) return undefined;
  return 'effect is not installed; run npm run bench -- --install-peers';
}

export const streamContestants = [
  onNode('troupe', './streams/troupe.mjs', { settings: { flow: 'stages' }, note: 'three stages, fused in one actor' }),
  onNode('troupe, three actors', './streams/troupe.mjs', {
    settings: { flow: 'actors' },
    note: 'three stages, each an actor of its own behind an edge with credit',
  }),
  onNode('rxjs', './streams/rxjs.mjs', { note: 'a Subject; no backpressure' }),
  onNode('node object streams', './streams/node.mjs', { note: 'a Transform for each operator, highWaterMark 16' }),
  onNode('async generators', './streams/generators.mjs', { note: 'one for each operator' }),
  onNode('web streams', './streams/web.mjs', { note: 'a TransformStream for each operator' }),
  onNode('effect', './peers/streams/effect.mjs', {
    missing: effectMissing,
    note: 'Stream.fromIterable, in its chunks',
  }),
];

function path(relative) {
  return new URL(relative, import.meta.url).pathname;
}
