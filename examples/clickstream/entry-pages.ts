/** How often sessions began with each page: the table that is asked while the flow runs, and how it is shown. */

/** What the sessions that began with a page came to. */
export interface Entries {
  readonly sessions: number;
  /** Sessions that saw this page alone. */
  readonly bounces: number;
  readonly meanPages: number;
}

export interface EntryPage {
  readonly key: string;
  readonly value: Entries;
}

/** The `most` pages that sessions began with most often. */
export function topOf(pages: readonly EntryPage[], most: number): readonly EntryPage[] {
  return [...pages].sort((a, b) => b.value.sessions - a.value.sessions || (a.key < b.key ? -1 : 1)).slice(0, most);
}

/** The table, as lines for people. */
export function linesOf(pages: readonly EntryPage[]): string[] {
  const rows = pages.map(({ key, value: { sessions, bounces, meanPages } }) => [
    key.padEnd(24),
    sessions.toLocaleString('en').padStart(9),
    `${((100 * bounces) / sessions).toFixed(1)}%`.padStart(12),
    meanPages.toFixed(1).padStart(12),
  ]);
  const head = ['entry page'.padEnd(24), ' sessions', ' saw no more', '  mean pages'];
  return [head, ...rows].map((cells) => `  ${cells.join('')}`);
}
