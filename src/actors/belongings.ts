/**
 * What an actor has only where it is named, has arguments, takes a while to start, or knows others: made at first use, so
 * that one which is and does none of this stays small.
 */
import { OwnRefs } from './outside.ts';

export class Belongings extends OwnRefs {
  readonly name: string | undefined;
  /** The arguments as they were given, for a restart; undefined where they are empty. */
  arguments: unknown = undefined;
  /** Resolves when it has started; undefined when it started at once. */
  started: Promise<void> | undefined = undefined;

  constructor(name: string | undefined) {
    super();
    this.name = name;
  }
}
