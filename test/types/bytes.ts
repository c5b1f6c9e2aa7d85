/** What the compiler lets people do with bytes. Compiled by `npm run types`; never run. */
import * as z from 'zod';
import {
  actor,
  bytes,
  type DeadLetter,
  move,
  protocol,
  type Ref,
  type SharedBytes,
  share,
  sharedBytes,
  tell,
} from '../../src/index.ts';

const Video = protocol('video', { frame: tell(z.object({ data: bytes(), table: sharedBytes() })) });
declare const video: Ref<typeof Video>;
declare const letter: DeadLetter;

export function right(): void {
  const table = share(new Uint8Array(16));
  video.frame({ data: move(new Uint8Array(1_024)), table });
  video.frame({ data: Buffer.alloc(8), table: share(new ArrayBuffer(8)) });
  move(Buffer.alloc(8)) satisfies Buffer;
  move(new ArrayBuffer(8)) satisfies ArrayBuffer;
  table satisfies SharedBytes;
  table.byteLength satisfies number;
  table.at(-1) satisfies number | undefined;
  table.slice(1, -1) satisfies Uint8Array<ArrayBuffer>;
  table.copyTo(new Uint8Array(4), 2) satisfies number;
  letter.bytesGone satisfies boolean;
  actor(
    Video,
    { args: z.object({ first: sharedBytes().optional() }), state: ({ first }) => ({ first }) },
    {
      frame: (state, { data, table: given }) => {
        data satisfies Uint8Array;
        state.first = given satisfies SharedBytes;
      },
    },
  );
}

export function wrong(table: SharedBytes): void {
  // @ts-expect-error a string cannot be given away
  move('x');
  // @ts-expect-error shared memory cannot be given away
  move(new SharedArrayBuffer(8));
  // @ts-expect-error nor bytes of other sizes
  move(new Float64Array(8));
  // @ts-expect-error a whole buffer where bytes belong
  video.frame({ data: move(new ArrayBuffer(8)), table });
  // @ts-expect-error bytes where shared ones belong
  video.frame({ data: new Uint8Array(8), table: new Uint8Array(8) });
  // @ts-expect-error shared ones where bytes belong
  video.frame({ data: table, table });
  // @ts-expect-error nobody writes them
  table[0] = 1;
  // @ts-expect-error nor reaches their memory
  void table.buffer;
}
