/**
 * What an actor has only where it is named, has arguments, takes a while to start, or knows others: made at first use, so
 * that one which is and does none of this stays small.
 */
import { OwnRefs } from './outside.ts';
import type { Address } from './target.ts';

export class Belongings extends OwnRefs {
  readonly name: string | undefined;
  /** Where it was spawned, where that is another place: an actor that moves keeps the address that it began with. */
  movedFrom: Address | undefined = undefined;
  /** The arguments as they were given, for a restart; undefined where they are empty. */
  arguments: unknown = undefined;
  /** Resolves when it has started; undefined when it started at once. */
  started: Promise<void> | undefined = undefined;

  constructor(name: string | undefined) {
    super();
    this.name = name;
  }
}
