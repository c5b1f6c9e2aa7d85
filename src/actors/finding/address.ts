/**
 * Addresses as plain data, for messages about actors whose protocol the messages' own reader does not know.
 *
 * A ref in a message needs its protocol on both sides. The receptionist and the management of routers pass addresses on,
 * and only whoever asked, who knows the protocol, makes refs of them again.
 */
import * as z from 'zod';
import { limits } from '../../base/limits.ts';
import { placeIdPattern } from '../place-id.ts';
import { refToWire, type SendableRef } from '../schema/ref-rules.ts';

export type WireAddress = readonly [place: string, cell: number, branch: string];

type AddressSchema = z.ZodTuple<[z.ZodString, z.ZodInt, z.ZodString], null>;

export const addressSchema: AddressSchema = z.tuple([
  z.string().regex(placeIdPattern),
  z.int(),
  z.string().max(limits.branchCharactersMax),
]);

/** The address of a ref, which from then on can be reached from other places. */
export function addressOf(ref: SendableRef): [place: string, cell: number, branch: string] {
  return ref[refToWire]() as [string, number, string];
}
