/** What a reader of a table and the instances that keep it say to each other. */
import type { Key } from '../../base/hash-key.ts';

export type TableQuestion =
  | { readonly kind: 'get'; readonly key: Key }
  /** How far are you? Keep what holds there for me. */
  | { readonly kind: 'pin' }
  | {
      readonly kind: 'range';
      readonly pin: number;
      readonly asOfMs: number;
      readonly from: Key | undefined;
      readonly to: Key | undefined;
      /** Go on behind this key. */
      readonly after: Key | undefined;
      readonly reverse: boolean;
      readonly limit: number;
    }
  | { readonly kind: 'unpin'; readonly pin: number };

export interface TableEntry {
  readonly key: Key;
  readonly value: unknown;
}

export type TableAnswer =
  | { readonly kind: 'value'; readonly value: unknown; readonly asOfMs: number }
  | { readonly kind: 'pinned'; readonly pin: number; readonly asOfMs: number }
  /** `more`: there may be others behind the last. */
  | { readonly kind: 'entries'; readonly entries: readonly TableEntry[]; readonly more: boolean }
  | { readonly kind: 'unpinned' }
  /** `busy`: too many read. `gone`: what was pinned had to be let go of. `ended`: it has stopped. */
  | { readonly kind: 'refused'; readonly why: 'busy' | 'gone' | 'ended' };
