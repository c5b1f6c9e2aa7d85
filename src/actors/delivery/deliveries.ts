/**
 * What a consumer remembers of its producers: plain data, so that it can stand in the actor's own state.
 *
 * Then state and memory are one: whatever brings the state back, or loses it, does the same to what was delivered.
 */

/** What became of a message: its handler has begun, has set it aside, has replied, or has failed. */
export type DeliveryOutcome =
  | readonly ['begun']
  | readonly ['aside']
  | readonly ['value', wire: unknown]
  | readonly ['declared', code: string, wire: unknown]
  | readonly ['failed', text: string];

/** One producer. */
export interface ProducerRecord {
  /** The number of the message that is handled next. */
  next: number;
  /** The producer has the outcome of all below. */
  from: number;
  /** When it was heard of last, in ms since the epoch. */
  heardMs: number;
  /** Those from `from` on, below `next`. */
  outcomes: DeliveryOutcome[];
}

/**
 * What an actor remembers of the messages that reliable producers sent it: which it has handled, and those outcomes that its
 * producers may not have yet. Begin with `{}`, and leave the rest to the runtime. It is plain data.
 */
export interface Deliveries {
  /** By the name of the producer. */
  [producer: string]: ProducerRecord;
}
