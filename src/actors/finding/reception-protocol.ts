/** What the receptionist of a node can be asked. Private to the runtime: users have `Receptionist`. */
import * as z from 'zod';
import {
  type AskOperation,
  ask,
  type Protocol,
  protocol,
  type StreamOperation,
  stream,
  type TellOperation,
  tell,
} from '../protocol.ts';
import { addressSchema, type WireAddress } from './address.ts';
import type { Refusal } from './listings.ts';

/** Its number on the main place: other actors begin at 1. */
export const receptionCell = 0;
export const receptionName = 'troupe.receptionist';

type Question = z.ZodObject<{ name: z.ZodString; protocol: z.ZodString }>;
type NodeQuestion = z.ZodObject<{ node: z.ZodString; name: z.ZodString; protocol: z.ZodString }>;
type NotFound = { readonly notFound: z.ZodType<Unfound, Unfound> };
type Entry = z.ZodObject<{ name: z.ZodString; protocol: z.ZodString; address: typeof addressSchema }>;
type Addresses = z.ZodArray<typeof addressSchema>;
type Refused = { readonly refused: z.ZodType<Refusal, Refusal> };

export type ReceptionProtocol = Protocol<
  typeof receptionName,
  {
    readonly register: AskOperation<Entry, z.ZodVoid, Refused>;
    readonly unregister: AskOperation<Entry, z.ZodBoolean, {}>;
    readonly find: AskOperation<Question, Addresses, Refused>;
    /** The listing now, and whenever it changed: latest wins. */
    readonly listings: StreamOperation<Question, Addresses, Refused>;
    /** A top-level actor on another thread has this name. */
    readonly nameElsewhere: AskOperation<Entry, z.ZodVoid, {}>;
    readonly named: AskOperation<Question, z.ZodNullable<typeof addressSchema>, Refused>;
    /** The same on whatever node. */
    readonly lookUp: AskOperation<NodeQuestion, z.ZodNullable<typeof addressSchema>, NotFound, true>;
    /** An entry ended with its actor: a message, so that those who observe look again. */
    readonly changed: TellOperation<z.ZodVoid>;
  }
>;

/** Why a name was not found. */
export interface Unfound {
  readonly reason: 'unknown' | 'unreachable';
  readonly text: string;
}

const question: Question = z.object({ name: z.string(), protocol: z.string() });
const entry: Entry = z.object({ name: z.string(), protocol: z.string(), address: addressSchema });
const errors: Refused = { refused: z.object({ reason: z.enum(['protocol', 'full']), text: z.string() }) };

export const Reception: ReceptionProtocol = protocol(receptionName, {
  register: ask({ input: entry, output: z.void(), errors }),
  unregister: ask({ input: entry, output: z.boolean() }),
  find: ask({ input: question, output: z.array(addressSchema), errors }),
  listings: stream({ input: question, output: z.array(addressSchema), errors }),
  nameElsewhere: ask({ input: entry, output: z.void() }),
  lookUp: ask({
    input: z.object({ node: z.string(), name: z.string(), protocol: z.string() }),
    output: addressSchema.nullable(),
    errors: { notFound: z.object({ reason: z.enum(['unknown', 'unreachable']), text: z.string() }) },
    readonly: true,
  }),
  named: ask({ input: question, output: addressSchema.nullable(), errors }),
  changed: tell(),
});

/** An address as a value of the schema, which knows no readonly tuples. */
export function sendable([place, cell, branch]: WireAddress): [string, number, string] {
  return [place, cell, branch];
}
