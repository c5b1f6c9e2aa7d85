/**
 * The items of a session: what two places say to each other, laid flat as fields in a frame.
 *
 * | kind | fields after it |
 * |---|---|
 * | name | number, label, shape: from now on the number stands for this operation, such as `counter.inc`, with messages as
 *   rows of that shape, or with all names where the shape is null |
 * | tell | cell, operation, count, values: so many messages, one after the other |
 * | ask | call, cell, operation, message, remaining ms, call chain or null |
 * | offer | call, cell, operation, message, remaining ms |
 * | stream | call, cell, operation, message, granted |
 * | spawn | call, registered name, arguments, actor name or null |
 * | stop | call, cell, mode (0 after the current message, 1 at once, 2 after what is queued), deadline ms or null |
 * | reply | call, value |
 * | failure | call, failure |
 * | item | call, value |
 * | end | call |
 * | cancel | call |
 * | grant | call, total |
 * | pressure | cell, whether its mailbox is above its high water: tells to it answer false meanwhile |
 * | watch | watch, cell |
 * | unwatch | watch |
 * | terminated | watch, how the actor ended |
 * | link | cell, the actor that is linked to it: its number in the place that sends, its branch, its protocol |
 * | shape | number, shape: what was named so with all names has this shape in the place that sends, which takes rows of it |
 * | unlink | cell, number of the other in the place that sends |
 * | move | call, cell, id of the place that it is to move to, ms that it may take to come to rest |
 * | adopt | call, snapshot of an actor that is to live here: `actors/moving/destination.ts` |
 * | handed | call of the adopt, what of it (see `Handed`), its fields in an array |
 * | begin | call, call of the adopt, what begins with the actor |
 * | fence | call, cell: answered once everything before it has arrived at the actor, wherever it lives |
 * | route | cell, place, branch, protocol, moves, place, cell: the actor that went by the first two has moved so often, and lives at the last two |
 * | moved | call of a stream, token: the stream is kept for its reader where its actor lives now |
 * | attach | call, cell, operation, token, values received, granted |
 * | pass | cell, operation, stream: one that is on its way to an actor that has moved |
 * | watchAgain | watch, cell: a watch that began elsewhere; an end meanwhile is told as it was |
 * | linkOf | cell, place, number, branch, protocol: as link, for an actor that was spawned at that place |
 * | unlinkOf | cell, place, number |
 * | expect | call, cell, moves, place, cell: the actor may live there from the next move on |
 * | place | call, registered name, arguments, actor name or null, its stand-in in the place that sends: number and branch; watch |
 * | restart | call, cell that the place that sends has placed, false: it takes no more turns, and nothing is answered; true: its state is made anew |
 * | escalated | the stand-in's cell, failure: its actor ends, and its parent is to fail |
 * | job | job, cell, operation, message, call or null, remaining ms or null, call chain or null: a tell or an ask, of which it is said when it was dealt with |
 * | done | job |
 * | probe | call, its age, age of the call that it was sent for first or null, nonce, path: is there a way from what the call waits for back to that one's caller? `actors/wait-elsewhere.ts` |
 * | chunk | size of the binary of a large message that begins with these bytes, or 0 where they go on with one; bytes: none, after a 0, where the message is given up |
 * | large | number of its binaries, the item that they belong to: packed as an array of its fields, with parts in their places |
 *
 * A call and a job are numbers that their sender's place gave them, a watch one that the watcher's place gave it. A cell is
 * the actor's number in the place that reads.
 */
import type { StopOptions } from '../actors/target.ts';
import type { PieceItems } from '../transport/large-lane.ts';

export const Kind = {
  name: 1,
  tell: 2,
  ask: 3,
  offer: 4,
  stream: 5,
  spawn: 6,
  stop: 7,
  reply: 8,
  failure: 9,
  item: 10,
  end: 11,
  cancel: 12,
  grant: 13,
  pressure: 14,
  watch: 15,
  unwatch: 16,
  terminated: 17,
  link: 18,
  unlink: 19,
  shape: 20,
  move: 21,
  adopt: 22,
  handed: 23,
  begin: 24,
  fence: 25,
  route: 26,
  moved: 27,
  attach: 28,
  pass: 29,
  watchAgain: 30,
  linkOf: 31,
  unlinkOf: 32,
  expect: 33,
  place: 34,
  restart: 35,
  escalated: 36,
  job: 37,
  done: 38,
  probe: 39,
  chunk: 40,
  large: 41,
} as const;

/** What is handed over of an actor that moves, as a field. */
export const Handed = { tell: 0, ask: 1, stream: 2, signal: 3 } as const;

/** Fields of an item, its kind included; undefined for a kind that does not exist. */
export const fieldsOfKind: readonly (number | undefined)[] = [
  undefined,
  4,
  5,
  7,
  6,
  6,
  5,
  5,
  3,
  3,
  3,
  2,
  2,
  3,
  3,
  3,
  2,
  3,
  5,
  3,
  3,
  5,
  3,
  4,
  4,
  3,
  8,
  3,
  7,
  4,
  3,
  6,
  4,
  6,
  8,
  4,
  3,
  8,
  2,
  6,
  3,
  3,
];

/** How an actor of another place is stopped, as a field. */
export const StopMode = { stop: 0, kill: 1, drain: 2 } as const;

export function stopMode(kill: boolean, options: StopOptions | undefined): number {
  if (kill) return StopMode.kill;
  return options?.drain === true ? StopMode.drain : StopMode.stop;
}

/** Pieces of a large message. */
export const pieceItems: PieceItems = {
  chunk: (size, bytes) => [Kind.chunk, size, bytes],
  whole: (binaries, fields) => [Kind.large, binaries, fields],
};

/** What may be a large message: of all other items only messages and answers hold bytes. */
export function mayBeLarge(kind: unknown): boolean {
  return largeKinds.has(kind);
}

const largeKinds: ReadonlySet<unknown> = new Set([
  Kind.tell,
  Kind.ask,
  Kind.offer,
  Kind.stream,
  Kind.reply,
  Kind.item,
  Kind.job,
]);

/**
 * What an item about a call of the other place stays behind, see `Session.begin`: large answers to that call. Items about an
 * actor there have its number as their key.
 */
export function answerKey(call: number): number {
  return -2 - call;
}
