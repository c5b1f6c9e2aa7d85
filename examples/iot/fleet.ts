/**
 * All devices, in a process of their own: `node fleet.js <url> <devices> <ms> <seed>`.
 *
 * Says goodbye when every device has sent its last reading, and prints what they did as one line of JSON. Ends when its
 * standard input does, so that it never outlives whoever started it.
 */
import { once } from 'node:events';
import { WebSocket } from 'ws';
import { SeededRandom } from '../program/seeded-random.ts';
import { Device, type Tally } from './device.ts';
import { plansOf } from './plans.ts';

process.stdin.on('end', () => process.exit()).resume();

const [url, ...numbers] = process.argv.slice(2);
const [devices, forMs, seed] = numbers.map(Number) as [number, number, number];
const tally: Tally = { sent: 0, reconnects: 0, keptBack: 0, silent: 0 };
const plans = plansOf({ devices, forMs, seed });
await Promise.all(plans.map((plan, index) => new Device(plan, url!, new SeededRandom(seed + index), tally).run(forMs)));
const socket = new WebSocket(url!);
await once(socket, 'open');
socket.send(JSON.stringify({ kind: 'goodbye', device: 'fleet', atMs: Date.now() }));
socket.close(1000);
await once(socket, 'close');
process.stdout.write(`${JSON.stringify(tally)}\n`, () => process.exit());
