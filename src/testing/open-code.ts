/**
 * Code of actors that waits for something outside: neither an actor nor virtual time, such as a file or a promise of the
 * test.
 *
 * Virtual time cannot know when that comes, so settling has to wait for it in real time, and to name it where it does
 * not come. A wait is taken for an inside one where its actor has an ask, an offer, a stream or a `ctx.delay` open; a
 * generator of a stream is not looked at, since most of them wait for the next change of a state.
 */
import type { Host, OpenWork } from '../actors/host.ts';
import { OfferWaiting } from '../actors/offer.ts';
import { Request } from '../actors/request.ts';

/** Something that has begun and waits for the outside. */
export interface OpenCode {
  /** The actor's path, or the resource. */
  readonly path: string;
  /** What is open there: an operation such as `store.save`, a start, a restart, a stop. */
  readonly operation: string;
}

/** The same, with an identity, so that what was waited for in vain is not waited for again. */
export interface FoundOpen extends OpenCode {
  readonly identity: object;
}

/** What waits for the outside now. */
export function openCode(host: Host, work: ReadonlySet<OpenWork>): readonly FoundOpen[] {
  const found: FoundOpen[] = [];
  for (const cell of host.cells()) {
    const { waitingRuns, passage } = cell;
    for (const run of waitingRuns) {
      const operation = run.envelope?.operation.label ?? 'a handler';
      found.push({ path: cell.path(), operation, identity: run });
    }
    if (passage !== undefined) found.push({ path: cell.path(), operation: `its ${passage}`, identity: cell });
  }
  for (const one of work) {
    if (!one.cell.isOver) {
      found.push({ path: one.cell.path(), operation: `ctx.run for ${one.operation}`, identity: one });
    }
  }
  for (const [closing, name] of host.resources.closing) {
    found.push({ path: `resource "${name}"`, operation: 'its close', identity: closing });
  }
  if (found.length === 0) return found;
  const inside = waitsInside(host);
  return found.filter(({ path }) => !inside.has(path));
}

/** Paths of actors that wait for another actor, or for time. */
function waitsInside(host: Host): ReadonlySet<string> {
  const inside = new Set<string>();
  for (const waiting of host.deadlines.waiting()) {
    if (!(waiting instanceof Request || waiting instanceof OfferWaiting)) continue;
    if (waiting.caller !== undefined) inside.add(waiting.caller.path());
  }
  for (const cell of host.cells()) {
    const extra = cell.extensionIfAny;
    if (extra === undefined) continue;
    if (extra.timers.delaying > 0) inside.add(cell.path());
    for (const { request } of extra.streams) if (request.caller !== undefined) inside.add(request.caller.path());
  }
  return inside;
}
