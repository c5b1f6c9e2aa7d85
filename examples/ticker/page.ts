/// <reference lib="dom" />
/** What runs in the browser. */
import { connect } from 'troupe/client';
import { type Tick, Ticker } from './protocol.ts';

const { clients, token } = document.body.dataset;
const element = (id: string): HTMLElement => document.getElementById(id)!;

const client = connect(clients!, {
  token: token!,
  onStatus: (status, { text }) => {
    element('status').textContent = status;
    element('status').title = text;
    document.body.dataset.status = status;
  },
  onLost: ({ reason, count }) => {
    element('lost').textContent = `${count} clicks: ${reason}`;
  },
});
const main = client.ref(Ticker, 'main');

const prices: number[] = [];

function show({ at, price, clicks }: Tick): void {
  element('price').textContent = price.toFixed(2);
  element('clicks').textContent = String(clicks);
  element('at').textContent = at.toISOString().slice(11, 21);
  prices.push(price);
  if (prices.length > 120) prices.shift();
  const low = Math.min(...prices);
  const span = Math.max(0.01, Math.max(...prices) - low);
  const points = prices.map((one, index) => `${index * 4},${95 - (90 * (one - low)) / span}`);
  element('line').setAttribute('points', points.join(' '));
}

/** A stream ends with the session that it was read by; then it is read anew. */
async function follow(): Promise<void> {
  while (client.status !== 'closed') {
    try {
      for await (const tick of main.ticks()) show(tick);
    } catch (error) {
      element('lost').textContent = String(error);
      await client.opened().catch(() => undefined);
    }
  }
}

element('click').addEventListener('click', () => main.click());
void follow();
