/** How often sessions began with each page: what the table shows. */
import type { Observable } from 'rxjs';
import { map, scan } from 'rxjs';

export interface EntryPage {
  readonly page: string;
  readonly sessions: number;
  /** Sessions that saw this page alone. */
  readonly bounces: number;
  readonly meanPages: number;
}

interface Session {
  readonly entry: string | null;
  readonly pages: number;
}

interface Sums {
  sessions: number;
  bounces: number;
  pages: number;
}

/** After each session, the `most` pages that sessions began with most often. */
export function topEntryPages(most: number): (sessions: Observable<Session>) => Observable<readonly EntryPage[]> {
  return (sessions) =>
    sessions.pipe(
      scan(add, new Map<string, Sums>()),
      map((sums) => top(sums, most)),
    );
}

function add(sums: Map<string, Sums>, { entry, pages }: Session): Map<string, Sums> {
  if (entry === null) return sums;
  const sum = sums.get(entry) ?? { sessions: 0, bounces: 0, pages: 0 };
  sums.set(entry, sum);
  sum.sessions += 1;
  sum.bounces += pages === 1 ? 1 : 0;
  sum.pages += pages;
  return sums;
}

function top(sums: ReadonlyMap<string, Sums>, most: number): readonly EntryPage[] {
  return [...sums]
    .sort(([a, { sessions: ofA }], [b, { sessions: ofB }]) => ofB - ofA || (a < b ? -1 : 1))
    .slice(0, most)
    .map(([page, { sessions, bounces, pages }]) => ({ page, sessions, bounces, meanPages: pages / sessions }));
}

/** The table, as lines for people. */
export function linesOf(table: readonly EntryPage[]): string[] {
  const rows = table.map(({ page, sessions, bounces, meanPages }) => [
    page.padEnd(24),
    sessions.toLocaleString('en').padStart(9),
    `${((100 * bounces) / sessions).toFixed(1)}%`.padStart(12),
    meanPages.toFixed(1).padStart(12),
  ]);
  const head = ['entry page'.padEnd(24), ' sessions', ' saw no more', '  mean pages'];
  return [head, ...rows].map((cells) => `  ${cells.join('')}`);
}
