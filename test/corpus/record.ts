/**
 * Records what a node of the present wire version says to another one, for nodes of the next version to understand.
 *
 *     npm run build && node --import tsx test/corpus/record.ts test/corpus/wire-2.json
 *
 * Run once for each version, before anything of it changes. What is recorded is never recorded again.
 */
import { writeFileSync } from 'node:fs';
import { createSystem, node, pathOf, secret, stop, thread } from 'troupe';
import { Kind } from '../../src/runtime/items.ts';
import { strictCodec } from '../../src/transport/frame-codec.ts';
import { wireVersion } from '../../src/transport/wire-version.ts';
import { secretFolder } from '../system/node-process.ts';
import { parent, talked, talker } from './fixtures/actors.ts';
import { type Corpus, itemsOf, readEnvelope } from './old-peer.ts';
import { Tap } from './tap.ts';

const registry = new URL('./fixtures/actors.ts', import.meta.url);
const folder = await secretFolder();
const auth = secret({ file: folder.file });
const options = { registry, logLevel: 'silent', auth } as const;
const listening = await createSystem({ ...options, name: 'live', roles: ['workers'], listen: 'ws://127.0.0.1:0' });
const tap = new Tap(Number(new URL(listening.address!).port));
const dialling = await createSystem({
  ...options,
  name: 'old',
  roles: ['recorded'],
  threads: 2,
  join: [await tap.listen()],
});

const on = node({ role: 'workers' });
const there = await dialling.spawn(talked, { on, name: 'there', args: { start: 3 } });
const here = await dialling.spawn(talked);
for (let round = 0; round < 2; round += 1) {
  for (let n = 0; n < 20; n += 1) there.add(n % 3 === 0 ? { n } : { n, text: 'ü'.repeat(n) });
  there.put({ data: new Uint8Array(300), list: [{ key: 'a', at: new Date(0) }] });
  if (round === 0) there.put({ data: new Uint8Array(70_000).fill(7), list: [] });
  await there.add.offer({ n: 1 });
  await there.sum();
  await there.echo({ deep: [[[{ a: 1 }]]], date: new Date(1), map: new Map([[1, 2]]), big: 2 ** 40, no: undefined });
  await there.echo({ data: new Uint8Array(20_000).fill(1) });
  // Beyond a frame, in pieces each way; of zeros, so that what is kept of it is small.
  if (round === 0) await there.echo({ data: [new Uint8Array(70_000), new Uint8Array(193_000)], n: 1 });
  await there.either({ kind: 'a', n: 1.5 });
  await there.either({ kind: 'b', of: { x: true } });
  await there.spend.outcome();
  await there.throws.outcome();
  for await (const n of there.numbers({ to: 300 })) if (n < 0) break;
  for await (const n of there.numbers({ to: 600 })) if (n > 3) break;
  const gaveUp = new AbortController();
  const slow = there.slowly.outcome({ ms: 300 }, { signal: gaveUp.signal });
  await there.sum();
  gaveUp.abort();
  await slow;
  await there.sum({ timeoutMs: 10_000 });
  const user = await dialling.spawn(talker, { on });
  await user.use({ other: here });
  await user.place({ role: 'recorded' }, { timeoutMs: 20_000 });
  const own = await dialling.spawn(talker);
  await own.use({ other: there });
  await own.place({ role: 'workers' }, { timeoutMs: 20_000 });
}
// One of ours moves between our threads while an actor there watches it and reads a stream of it.
const moving = await dialling.spawn(talked, { on: thread({ name: 't1' }) });
const attendant = await dialling.spawn(talker, { on });
await attendant.attend({ other: moving });
await dialling.move(moving, thread({ name: 't2' }));
moving.add({ n: 1 });
await moving.sum();
moving.add({ n: 1 });
// Its stream goes after it.
await attendant.attended();
// One that has moved watches and links an actor there, under the address that it was spawned with.
const linking = await dialling.spawn(talker, { on: thread({ name: 't1' }) });
await dialling.move(linking, thread({ name: 't2' }));
await linking.linkTo({ other: there });
// A child of ours there escalates, one there escalates here, and siblings there are restarted with the one that fails.
const above = await dialling.spawn(parent);
await (await above.hire({ role: 'workers', count: 1 })).escalates.outcome();
const below = await dialling.spawn(parent, { on });
await (await below.hire({ role: 'recorded', count: 1 })).escalates.outcome();
const siblings = await dialling.spawn(parent);
const child = await siblings.hire({ role: 'workers', count: 2 });
await child.throws.outcome();
await child.sum();
await stop(moving, { drain: true });
await stop(there);
await new Promise((resolve) => setTimeout(resolve, 500));

const items = new Map<number, number>();
const codec = strictCodec();
const steps: Corpus['steps'][number][] = [];
for (const { dialled, message } of tap.passed) {
  if (message[0] === 0x10) {
    const said = itemsOf(readEnvelope(message).frame);
    // Counts are those of the conversation, and each has its own.
    if (said.length === 0) continue;
    // What comes with them is known from what was asked.
    if (!dialled && said.every(({ kind }) => kind === Kind.chunk)) continue;
    if (dialled) for (const { kind } of said) items.set(kind, (items.get(kind) ?? 0) + 1);
  }
  steps.push({ from: dialled ? 'old' : 'live', bytes: message.toString('base64') });
}
for (const [name, kind] of Object.entries(Kind)) console.log(name.padEnd(12), items.get(kind) ?? '–');
// What only a node says whose actors are used there after they have moved, or that asks for what is refused.
const cell = Number(/#(\d+)$/.exec(pathOf(attendant))![1]);
const scripted = [
  [Kind.fence, 1_000_001, cell],
  [Kind.move, 1_000_002, cell, `${dialling.nodeId}/main`, 100],
  [Kind.attach, 1_000_003, cell, 'talked.numbers', 'token', 0, 256],
  [Kind.watchAgain, 1_000_004, cell],
  [Kind.restart, 0, cell, false],
  [Kind.restart, 1_000_005, cell, true],
  [Kind.probe, 1_000_006, [1_700_000_000_000, 1, `${dialling.nodeId}/main#1`], null, 7, []],
].map((item) => ({ from: 'scripted' as const, bytes: Buffer.from(codec.pack(item)).toString('base64') }));
steps.push(...scripted);
writeFileSync(
  process.argv[2]!,
  `${JSON.stringify({ wire: wireVersion, old: dialling.nodeId, live: listening.nodeId, steps }, undefined, 1)}\n`,
);
tap.close();
await Promise.all([dialling.shutdown({ deadlineMs: 500 }), listening.shutdown({ deadlineMs: 500 })]);
await folder.remove();
