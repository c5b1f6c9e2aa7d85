import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { actor } from '../../src/actors/actor.ts';
import { ask, protocol, tell } from '../../src/actors/protocol.ts';
import { RegistryIndex, registry } from '../../src/actors/registry.ts';
import { refOf, refTo } from '../../src/actors/schema/ref-schema.ts';

const Far = protocol('far', { go: tell() });
const Reply = protocol('reply', { done: tell(z.object({ far: refOf(Far).optional() })) });
const Given = protocol('given', { use: tell() });
const Worker = protocol('worker', {
  work: ask({ input: z.object({ to: z.array(refOf(Reply)), other: refTo('elsewhere') }), output: z.int() }),
});
const worker = actor(Worker, { args: z.object({ given: refOf(Given) }), state: () => ({}) }, { work: () => 1 });

describe('a registry', () => {
  it('knows the protocols of the refs in its actors messages and arguments, and of the refs in those', () => {
    const index = new RegistryIndex(registry(worker));
    expect(index.protocol('worker')).toBe(Worker);
    expect(index.protocol('reply')).toBe(Reply);
    expect(index.protocol('given')).toBe(Given);
    expect(index.protocol('far')).toBe(Far);
    expect(index.protocol('elsewhere')).toBeUndefined();
  });
});
