/** Protocols that refer to themselves and to each other. Compiled by `npm run types`; never run. */
import * as z from 'zod';
import { actor, ask, protocol, type Ref, refOf, refTo, tell } from '../../src/index.ts';

export interface PeerRef extends Ref<typeof Peer> {}
export const Peer = protocol('peer', {
  join: tell(z.object({ peer: refTo<PeerRef>('peer') })),
  all: ask({ output: z.array(refTo<PeerRef>('peer')) }),
});

export interface LeftRef extends Ref<typeof Left> {}
export interface RightRef extends Ref<typeof Right> {}
export const Left = protocol('left', {
  hi: ask({ input: z.object({ right: refTo<RightRef>('right') }), output: z.int() }),
});
export const Right = protocol('right', {
  hi: ask({ input: z.object({ left: refTo<LeftRef>('left') }), output: z.string() }),
});
export const Above = protocol('above', { take: tell(z.object({ left: refOf(Left), peers: z.array(refOf(Peer)) })) });

declare const peer: PeerRef;
declare const left: Ref<typeof Left>;
declare const right: RightRef;
declare const above: Ref<typeof Above>;

export async function right_(): Promise<void> {
  peer.join({ peer });
  (await peer.all())[0]?.join({ peer });
  (await left.hi({ right })) satisfies number;
  (await right.hi({ left })) satisfies string;
  above.take({ left, peers: await peer.all() });
}

export async function wrong(): Promise<void> {
  // @ts-expect-error no ref
  peer.join({ peer: 1 });
  // @ts-expect-error a ref of another protocol
  peer.join({ peer: left });
  // @ts-expect-error a ref of the wrong one of the two
  await right.hi({ left: right });
  // @ts-expect-error a ref of the wrong protocol inside an array
  above.take({ left, peers: [left] });
}

export const leftActor = actor(
  Left,
  { args: z.object({}), state: () => ({ calls: 0 }) },
  {
    hi: async (state, { right: other }, context) => {
      const text: string = await other.hi({ left: context.self });
      state.calls += 1;
      return text.length + state.calls;
    },
  },
);

export const peerActor = actor(
  Peer,
  {
    args: z.object({ first: refTo<PeerRef>('peer').optional() }),
    state: ({ first }) => ({ peers: first === undefined ? [] : [first] }),
  },
  {
    join: (state, { peer: other }, context) => {
      state.peers.push(other);
      other.join({ peer: context.self });
    },
    all: (state) => state.peers,
  },
);
