/**
 * The items of a session with a client, laid flat as fields in a frame. None of those between places is among them.
 *
 * | kind | fields after it |
 * |---|---|
 * | tell | actor, operation, message |
 * | ask | call, actor, operation, message, remaining ms |
 * | offer | call, actor, operation, message, remaining ms |
 * | stream | call, actor, operation, message, granted |
 * | cancel | call |
 * | grant | call, total |
 * | reply | call, value |
 * | failure | call, failure |
 * | item | call, value |
 * | end | call |
 * | lost | actor, operation, reason: a tell that reached no mailbox |
 *
 * The client sends the first six, the server the others. An actor is its name, an operation its label, such as
 * `counter.inc`: what needs no table survives a cut without a word. Values stand with all names.
 */
export const ClientKind = {
  tell: 1,
  ask: 2,
  offer: 3,
  stream: 4,
  cancel: 5,
  grant: 6,
  reply: 7,
  failure: 8,
  item: 9,
  end: 10,
  lost: 11,
} as const;

/** Fields of an item, its kind included. */
const fieldsOf: readonly (number | undefined)[] = [undefined, 4, 6, 6, 6, 2, 3, 3, 3, 3, 2, 4];

/** The items from `start` on, each as its fields. @throws for what is none of `kinds` */
export function itemsOf(fields: readonly unknown[], start: number, isOurs: (kind: number) => boolean): unknown[][] {
  const items: unknown[][] = [];
  for (let at = start; at < fields.length; ) {
    const kind = fields[at];
    const length = typeof kind === 'number' && isOurs(kind) ? fieldsOf[kind] : undefined;
    if (length === undefined || at + length > fields.length) throw new Error(`item ${items.length} is malformed`);
    items.push(fields.slice(at, at + length));
    at += length;
  }
  return items;
}

/** What a client may say. */
export function isOfClient(kind: number): boolean {
  return kind >= ClientKind.tell && kind <= ClientKind.grant;
}

/** What a server may say. */
export function isOfServer(kind: number): boolean {
  return kind >= ClientKind.reply && kind <= ClientKind.lost;
}

/** Why a tell of a client reached no mailbox. */
export type LostReason = 'forbidden' | 'unknown' | 'stopped' | 'invalid' | 'full' | 'unreachable';

export const lostReasons: readonly [LostReason, ...LostReason[]] = [
  'unreachable',
  'forbidden',
  'unknown',
  'stopped',
  'invalid',
  'full',
];
