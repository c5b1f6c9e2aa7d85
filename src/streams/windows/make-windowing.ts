/** Which kind of state a window and its trigger need. */
import { CountWindows } from './count-windows.ts';
import { PanedWindows } from './paned-windows.ts';
import { SessionWindows } from './session-windows.ts';
import { SlicedWindows } from './sliced-windows.ts';
import { onWatermark, type Trigger } from './trigger.ts';
import type { WindowSpec } from './window.ts';
import type { Windowing, WindowingOptions } from './windowing.ts';

export function makeWindowing(window: WindowSpec, trigger: Trigger, options: WindowingOptions): Windowing {
  switch (window.kind) {
    case 'aligned':
      return trigger.kind === 'append'
        ? new SlicedWindows(window, options)
        : new PanedWindows(window, trigger, options);
    case 'session':
      return new SessionWindows(window, trigger, options);
    case 'count':
      return new CountWindows(window, options);
    case 'global':
      return new PanedWindows(window, trigger.kind === 'update' ? trigger : onWatermark(), options);
    default:
      return window satisfies never;
  }
}

/** Why a window cannot have these options; undefined where it can. */
export function windowMisfit(window: WindowSpec, trigger: Trigger, allowedLatenessMs: number): string | undefined {
  if (window.kind === 'count') {
    if (trigger.kind === 'update') return 'gives countWindow a trigger; it is emitted with its last element';
    if (allowedLatenessMs > 0) return 'gives countWindow an allowedLatenessMs; nothing is late for it';
  }
  if (window.kind !== 'global') return undefined;
  if (trigger.kind === 'append' || (trigger.everyMs === Infinity && trigger.everyCount === Infinity)) {
    return 'gives globalWindow no trigger, so it would give nothing before the input ends; give trigger: onWatermark({ early: { everyCount } }) or { everyMs }';
  }
  return undefined;
}
