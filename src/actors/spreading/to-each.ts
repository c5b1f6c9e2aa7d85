/** One message to several actors. */
import type { Host } from '../host.ts';
import type { Target } from '../target.ts';
import type { Routee } from './routee.ts';

/** Sends the same to each: what its sender gives away goes to the last, and the others get copies. */
export function toEach<T>(routees: readonly Routee[], host: Host, send: (target: Target) => T): T[] {
  try {
    return routees.map(({ target }, index) => {
      host.keepsBytes = index < routees.length - 1;
      return send(target);
    });
  } finally {
    host.keepsBytes = false;
  }
}
