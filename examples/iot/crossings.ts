/** Of averages, those that are on the other side of a threshold than the one before of their device. */
import { filter, map, type Observable } from 'rxjs';
import type { Crossing } from './protocol.ts';

interface Average {
  readonly key: string;
  readonly window: { readonly endMs: number };
  readonly value: { readonly celsius: number };
}

/** Devices begin cool. */
export function crossings(thresholdCelsius: number): (averages: Observable<Average>) => Observable<Crossing> {
  return (averages) => {
    const hot = new Set<string>();
    return averages.pipe(
      filter(({ key, value }) => value.celsius >= thresholdCelsius !== hot.has(key)),
      map(({ key, window, value }) => {
        const isHot = !hot.delete(key);
        if (isHot) hot.add(key);
        return { device: key, isHot, celsius: value.celsius, atMs: window.endMs };
      }),
    );
  };
}
