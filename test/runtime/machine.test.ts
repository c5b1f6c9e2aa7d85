/** A machine in another place: what it refuses and what it sets aside reaches its callers there too. */
import { afterEach, expect, it } from 'vitest';
import * as z from 'zod';
import type { ActorBehavior } from '../../src/actors/behavior.ts';
import { machine } from '../../src/actors/machine.ts';
import { ask, protocol, type Ref, tell } from '../../src/actors/protocol.ts';
import { refClassOf } from '../../src/actors/ref.ts';
import { stop } from '../../src/actors/verbs.ts';
import { ended } from '../support/deferred.ts';
import { type TwoPlaces, thereId, twoPlaces } from './two-places.ts';

const Door = protocol('door', { open: tell(), enter: ask({ output: z.string() }), knock: tell() });
const door = (unhandled: 'stash' | 'refuse') =>
  machine(
    Door,
    {
      name: unhandled,
      args: z.object({}),
      states: { closed: {}, open: {} },
      initial: () => ({ state: 'closed' }),
      unhandled,
    },
    {
      closed: { on: { open: (_data, _message, context) => context.goto('open') } },
      open: { on: { enter: () => 'in' } },
    },
  );
const doors = { stash: door('stash'), refuse: door('refuse') };

let open: TwoPlaces | undefined;
afterEach(async () => {
  await open?.close();
  open = undefined;
});

async function start(which: 'stash' | 'refuse'): Promise<Ref<typeof Door>> {
  open = twoPlaces([doors.stash, doors.refuse], false);
  const { argsType } = doors[which] as unknown as ActorBehavior;
  const place = open.here.router.place(thereId(open))!;
  const { cell, branch } = await place.spawn(which, argsType.toWire(argsType.parse({})), undefined);
  const target = place.target(cell, branch, 'door');
  return new (refClassOf(Door))(target, open.here.host.outside) as unknown as Ref<typeof Door>;
}

it('refuses an ask with Rejected(unhandled) under refuse', async () => {
  const ref = await start('refuse');
  await expect(ref.enter()).rejects.toMatchObject({ code: 'Rejected', reason: 'unhandled', retryable: false });
  ref.open();
  expect(await ref.enter()).toBe('in');
});

it('answers an ask after the transition it waited for, and leaves it unsettled for the session until then', async () => {
  const ref = await start('stash');
  const entered = ref.enter();
  await expect.poll(() => open!.there.host.counters.accepted).toBe(1);
  expect(open!.there.host.counters.handled).toBe(0);
  ref.open();
  expect(await entered).toBe('in');
});

it('answers NotDelivered to what it had set aside when it stops', async () => {
  const ref = await start('stash');
  const entered = ended(ref.enter());
  await expect.poll(() => open!.there.host.counters.accepted).toBe(1);
  await stop(ref);
  expect(await entered).toMatchObject({ error: { code: 'NotDelivered', reason: 'stopped' } });
});
