/**
 * What it costs to validate again what comes from another process: the schema's parse of a message that came off the
 * wire, as a share of what the whole hop of a tell costs. Both are measured here, the parse over decoded batches.
 */
import { Packr, Unpackr } from 'msgpackr';
import { node } from 'troupe';
import * as z from 'zod';
import { Counter, counter } from '../counter.mjs';
import { checkLedger, checkTotal, inTurns, nsEach, nsEachSync } from '../measure.mjs';
import { joinSecondNode } from '../second-node.mjs';
import { tellMany } from '../telling.mjs';

const batch = 128;

export async function run({ rounds, quick, isolation }) {
  const count = quick ? 1_280 : 512_000;
  const { system, role, end } = await joinSecondNode(isolation);
  const ref = await system.spawn(counter, { on: node({ role }) });
  const decoded = decodedMessages(count);
  // Compiled, as the runtime parses it.
  const schema = z.compile(Counter.ops.inc.input);
  let expected = 0;
  const { cost, ratio } = await inTurns(rounds, {
    parse: () =>
      nsEachSync(count, () => {
        let total = 0;
        for (const message of decoded) total += schema.parse(message).n;
        checkTotal('parsed', total, count);
      }),
    hop: () =>
      nsEach(count, async () => {
        expected += count;
        checkTotal('total', await tellMany([ref], count), expected);
      }),
  });
  checkLedger(system);
  await end();
  return { ratio: ratio('parse', 'hop'), isolation, ns: cost };
}

function decodedMessages(count) {
  const packr = new Packr({ useRecords: false });
  const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true });
  const frame = Array.from(packr.pack(Array.from({ length: batch }, () => ({ type: 'inc', n: 1, id: 'abc' }))));
  const messages = [];
  while (messages.length < count) messages.push(...unpackr.unpack(Uint8Array.from(frame)));
  return messages;
}
