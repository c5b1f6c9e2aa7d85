/** The flow: readings of devices in; out go what areas come to, again whenever more is known, and alarms. */

import { takeWhile } from 'rxjs';
import { refOf } from 'troupe';
import { count, flow, max, mean, onWatermark, sliding, tumbling } from 'troupe/streams';
import { webSocketIn } from 'troupe/streams/websocket';
import * as z from 'zod';
import { crossings } from './crossings.ts';
import { AlarmDesk, Door, Message, type Reading } from './protocol.ts';

const args = z.object({
  /** 0 for one that is free. */
  port: z.int(),
  thresholdCelsius: z.number(),
  door: refOf(Door),
  desk: refOf(AlarmDesk),
});

export const sensors = flow('sensors', { args }, (f, { port, thresholdCelsius, door, desk }) => {
  const messages = webSocketIn({ port, row: Message, onListening: (url) => void door.listening(url) });
  const { areas, devices } = f
    .from(messages, {
      time: (message) => message.atMs,
      // A device whose clock is behind makes the flow wait, and loses nothing; one that falls silent is not waited for.
      split: (message) => message.device,
      outOfOrderMs: 300,
      idleMs: 1_000,
    })
    .via(
      'readings',
      takeWhile((message): message is Reading => message.kind === 'reading'),
    )
    .broadcast('areas', 'devices');
  return f.ends(
    areas
      .keyBy((reading) => reading.area)
      .window(tumbling({ sizeMs: 1_000 }), {
        trigger: onWatermark({ early: { everyMs: 250 } }),
        allowedLatenessMs: 1_000,
        late: 'late',
      })
      .aggregate({
        readings: count(),
        celsius: mean((reading) => reading.celsius),
        highest: max((reading) => reading.celsius),
      })
      .output('areas'),
    devices
      .keyBy((reading) => reading.device)
      .window(sliding({ sizeMs: 2_000, slideMs: 500 }))
      .aggregate({ celsius: mean((reading) => reading.celsius) })
      .via('alarms', crossings(thresholdCelsius))
      .to(desk.crossed),
  );
});
