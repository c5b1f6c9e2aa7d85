/** The actor that keeps the alarms: the flow offers it what happens, and whoever likes asks it how things stand. */
import { actor } from 'troupe';
import * as z from 'zod';
import { AlarmDesk, type Crossing } from './protocol.ts';

interface State {
  raised: number;
  cleared: number;
  readonly open: Map<string, Crossing>;
  hottest: Crossing | null;
}

export const alarmDesk = actor(
  AlarmDesk,
  {
    args: z.object({}),
    state: (): State => ({ raised: 0, cleared: 0, open: new Map(), hottest: null }),
  },
  {
    crossed: (state, crossing) => {
      if (!crossing.isHot) {
        state.cleared += state.open.delete(crossing.device) ? 1 : 0;
        return;
      }
      state.raised += 1;
      state.open.set(crossing.device, crossing);
      if (state.hottest === null || crossing.celsius > state.hottest.celsius) state.hottest = crossing;
    },
    summary: ({ raised, cleared, open, hottest }) => ({ raised, cleared, open: [...open.keys()], hottest }),
  },
);
