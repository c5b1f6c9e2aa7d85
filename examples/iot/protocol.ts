/** What the devices send, and what the actors beside the flow are told. */
import { ask, protocol, tell } from 'troupe';
import * as z from 'zod';

export const Reading = z.object({
  kind: z.literal('reading'),
  device: z.string().max(64),
  area: z.string().max(64),
  /** By the clock of the device, in ms since the epoch. */
  atMs: z.int().min(0),
  /** A sensor that is broken says something else, or nothing. */
  celsius: z.number().min(-60).max(150),
});
export type Reading = z.infer<typeof Reading>;

/** The last message: nobody will send any more. */
export const Goodbye = z.object({
  kind: z.literal('goodbye'),
  device: z.string().max(64),
  atMs: z.int().min(0),
});

export const Message = z.discriminatedUnion('kind', [Reading, Goodbye]);
export type Message = z.infer<typeof Message>;

/** The average of a device went above the threshold, or came back. */
export const Crossing = z.object({ device: z.string(), isHot: z.boolean(), celsius: z.number(), atMs: z.number() });
export type Crossing = z.infer<typeof Crossing>;

export const AlarmSummary = z.object({
  raised: z.int(),
  cleared: z.int(),
  /** Devices that are hot still. */
  open: z.array(z.string()),
  hottest: Crossing.nullable(),
});
export type AlarmSummary = z.infer<typeof AlarmSummary>;

/** Keeps which alarms there are. */
export const AlarmDesk = protocol('alarm-desk', {
  crossed: tell(Crossing),
  summary: ask({ output: AlarmSummary, readonly: true }),
});

/** Is told where the flow listens. */
export const Door = protocol('door', { listening: tell(z.string()) });
