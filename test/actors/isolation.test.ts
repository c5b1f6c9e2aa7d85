/** What a receiver shares with its sender under each isolation mode: messages, replies, stream items, arguments. */
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { actor } from '../../src/actors/actor.ts';
import { ask, protocol, stream, tell } from '../../src/actors/protocol.ts';
import { ended } from '../support/deferred.ts';
import { testHost } from '../support/test-host.ts';

const Note = z.object({ text: z.string(), when: z.date(), tags: z.array(z.string()) });
type Note = z.infer<typeof Note>;
const Keeper = protocol('keeper', {
  put: tell(Note),
  get: ask({ output: Note }),
  all: stream({ output: Note }),
});
const keeper = actor(
  Keeper,
  { args: z.object({ first: Note }), state: ({ first }) => ({ note: first }) },
  {
    put: (state, note) => {
      state.note = note;
    },
    get: (state) => state.note,
    async *all(state) {
      yield state.note;
    },
  },
);

const newNote = (): Note => ({ text: 'a', when: new Date(5), tags: ['x'] });
function spoil(note: Note): void {
  note.text = 'spoilt';
  note.when.setTime(99);
  note.tags.push('spoilt');
}

describe.each(['parse', 'codec'] as const)('under %s', (isolation) => {
  test('a sender that changes a message afterwards changes nothing at its receiver', async () => {
    const { spawn } = testHost({ isolation });
    const ref = await spawn(keeper, { args: { first: newNote() } });
    const sent = newNote();
    ref.put(sent);
    spoil(sent);
    expect(await ref.get()).toEqual(newNote());
  });

  test('a caller that changes a reply, or an item of a stream, changes nothing at the actor', async () => {
    const { spawn } = testHost({ isolation });
    const ref = await spawn(keeper, { args: { first: newNote() } });
    spoil(await ref.get());
    for await (const note of ref.all()) spoil(note);
    expect(await ref.get()).toEqual(newNote());
  });

  test('a spawner that changes the arguments afterwards changes nothing at the actor', async () => {
    const { spawn } = testHost({ isolation });
    const first = newNote();
    const ref = await spawn(keeper, { args: { first } });
    spoil(first);
    expect(await ref.get()).toEqual(newNote());
  });

  test('a key that the schema does not name does not arrive', async () => {
    const { spawn } = testHost({ isolation });
    const ref = await spawn(keeper, { args: { first: newNote() } });
    ref.put({ ...newNote(), extra: 1 } as Note);
    expect(Object.keys(await ref.get())).toEqual(['text', 'when', 'tags']);
  });

  test('a message that does not fit is refused at the sender', async () => {
    const { spawn } = testHost({ isolation });
    const ref = await spawn(keeper, { args: { first: newNote() } });
    expect(() => ref.put({ ...newNote(), tags: ['x', 7 as never] })).toThrow(
      expect.objectContaining({ code: 'InvalidMessage', path: ['tags', 1] }),
    );
  });
});

describe('under trusted', () => {
  test('a plain message is handed over as it is, unchecked', async () => {
    const { spawn } = testHost({ isolation: 'trusted' });
    const Box = protocol('box', { same: ask({ input: z.object({ n: z.int() }), output: z.boolean() }) });
    const seen: unknown[] = [];
    const ref = await spawn(
      actor(
        Box,
        { args: z.object({}), state: () => ({}) },
        {
          same: (_state, message) => {
            seen.push(message);
            return true;
          },
        },
      ),
    );
    const sent = { n: 1 };
    await ref.same(sent);
    expect(seen[0]).toBe(sent);
    expect(await ended(ref.same({ n: 'unchecked' as never }))).toEqual({ value: true });
  });
});
