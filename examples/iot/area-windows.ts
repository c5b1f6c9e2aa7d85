/** What the areas came to, as far as it is known: each result takes the place of the one before of its window. */
import type { Pane, TimeWindow } from 'troupe/streams';

export interface AreaResult {
  readonly key: string;
  readonly window: TimeWindow;
  readonly value: { readonly readings: number; readonly celsius: number; readonly highest: number };
  readonly pane: Pane;
}

export class AreaWindows {
  /** By area, then by the start of the window. */
  readonly #latest = new Map<string, Map<number, AreaResult>>();
  /** Results by when they were given. */
  readonly panes: Record<Pane['timing'], number> = { early: 0, 'on-time': 0, late: 0 };

  add(result: AreaResult): void {
    this.panes[result.pane.timing] += 1;
    const windows = this.#latest.get(result.key) ?? new Map<number, AreaResult>();
    this.#latest.set(result.key, windows);
    windows.set(result.window.startMs, result);
  }

  /** Windows, and the readings in them. */
  sums(): { readonly windows: number; readonly readings: number } {
    const all = [...this.#latest.values()].flatMap((windows) => [...windows.values()]);
    return { windows: all.length, readings: all.reduce((sum, { value }) => sum + value.readings, 0) };
  }

  /** The newest window of each area, as lines of a table. */
  table(): string[] {
    const rows = [...this.#latest].sort(([a], [b]) => (a < b ? -1 : 1));
    const head = [
      'area'.padEnd(14),
      'second'.padStart(10),
      'readings'.padStart(10),
      '   mean °C',
      '    max °C',
      '  known',
    ];
    return [
      `  ${head.join('')}`,
      ...rows.map(([area, windows]) => {
        const newest = Math.max(...windows.keys());
        const { window, value, pane } = windows.get(newest)!;
        const second = new Date(window.startMs).toISOString().slice(11, 19);
        const numbers = [String(value.readings), value.celsius.toFixed(1), value.highest.toFixed(1)];
        return `  ${area.padEnd(14)}${second.padStart(10)}${numbers.map((text) => text.padStart(10)).join('')}  ${pane.timing}`;
      }),
    ];
  }
}
