/**
 * Audit lines: who came, who left, who was refused and why, and what was replaced, each with a stable `event` to look for.
 *
 * Few lines a second for each event, with how many there were: what strangers do is no flood in the log. No secret, no
 * message and no state is in them; what a peer said of itself is short, printable and checked before it comes here.
 */
import type { Clock } from '../base/environment/clock.ts';
import { limits } from '../base/limits.ts';
import type { Logger } from '../base/logger.ts';
import { type RefusalLine, refusalLog } from './refusal-log.ts';

/** What a line is about. The names stay: people search and alert by them. */
export type AuditEvent =
  /** A node has a link now. */
  | 'node-joined'
  /** A node is given up: it has left, was lost, or was started anew. */
  | 'node-left'
  /** The link to a node has ended; it may come back. */
  | 'link-lost'
  /** Somebody reached the port and was not let in. */
  | 'node-refused'
  /** The port ended a connection, or answered a request that was none. */
  | 'connection-refused'
  /** No connection is taken from an address for a while. */
  | 'address-banned'
  /** A node tried what the rules of `allow` do not give it. */
  | 'denied'
  /** A node sends more probes for deadlocks than are followed. */
  | 'probes-dropped'
  /** Somebody asked to be a client and was not let in. */
  | 'client-refused'
  /** A client said what it may not. */
  | 'client-denied'
  /** A client says more messages a second than it may, and is held back. */
  | 'client-slowed'
  /** A client was ended for what it sent, or did not read. */
  | 'client-ended'
  /** Other secrets are live from now on. */
  | 'secret-replaced'
  /** Other certificates are used from now on. */
  | 'certificates-replaced'
  /** Links were ended since what they were proved by is live no more; their nodes prove themselves anew. */
  | 'links-renewed';

/** What was done, and not what was refused. */
const informs: ReadonlySet<AuditEvent> = new Set([
  'node-joined',
  'node-left',
  'secret-replaced',
  'certificates-replaced',
  'links-renewed',
]);

/** By strangers: one line says as much as a thousand. */
const byStrangers: ReadonlySet<AuditEvent> = new Set(['node-refused', 'connection-refused', 'client-refused']);

export class Audit {
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #lines = new Map<string, RefusalLine>();

  constructor(clock: Clock, log: Logger) {
    this.#clock = clock;
    this.#log = log;
  }

  /** @param kind of a few: each is counted on its own, so that many of one hide none of another */
  line(event: AuditEvent, fields: Readonly<Record<string, unknown>>, text: string, kind = ''): void {
    const key = `${event} ${kind}`;
    let line = this.#lines.get(key);
    if (line === undefined) {
      const level = informs.has(event) ? 'info' : 'warn';
      const write: RefusalLine = (said, full) => this.#log[level]({ event, ...said }, full);
      line = refusalLog(this.#clock, write, byStrangers.has(event) ? 1 : limits.linkLinesMax);
      this.#lines.set(key, line);
    }
    line(fields, text);
  }
}
