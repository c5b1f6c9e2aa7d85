/** The page of the ticker in a real browser: it shows a stream, tells clicks, and goes on after its link was cut. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { connect } from 'troupe/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Ticker } from '../../examples/ticker/protocol.ts';
import { Browser, findChromium } from '../support/browser.ts';

const program = fileURLToPath(new URL('../../dist-examples/ticker/main.js', import.meta.url));
const chromium = findChromium();
if (chromium === undefined && process.env.TROUPE_CHROMIUM_REQUIRED !== undefined) {
  throw new Error('there is no Chromium here, and TROUPE_CHROMIUM_REQUIRED says that there must be');
}
const patience = { timeout: 20_000, interval: 20 };

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  return port;
}

interface Served {
  readonly page: string;
  readonly clients: string;
  readonly child: ChildProcess;
}

async function serve(port?: number, clientsPort?: number): Promise<Served> {
  const [own, clients] = [port ?? (await freePort()), clientsPort ?? (await freePort())];
  const child = spawn(process.execPath, [program, '--port', String(own), '--clients', String(clients)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout!, 'data');
  return { page: `http://127.0.0.1:${own}/`, clients: `ws://127.0.0.1:${clients}`, child };
}

async function stop({ child }: Served): Promise<void> {
  child.kill('SIGINT');
  if (child.exitCode === null) await once(child, 'exit');
}

describe('the server of the ticker', () => {
  let served: Served;
  beforeAll(async () => {
    served = await serve();
  });
  afterAll(() => stop(served));

  const tokenOf = async (): Promise<string> =>
    /data-token="([^"]+)"/.exec(await (await fetch(served.page)).text())![1]!;

  it('has a client of Node read its stream and its clicks, and not reset it', async () => {
    await using client = connect(served.clients, { token: await tokenOf() });
    const main = client.ref(Ticker, 'main');
    main.click({ times: 3 });
    expect(await main.clicks()).toBe(3);
    for await (const { at, price, clicks } of main.ticks()) {
      expect(at).toBeInstanceOf(Date);
      expect(price).toBeGreaterThan(90);
      expect(clicks).toBe(3);
      break;
    }
    main.reset();
    expect(await main.clicks()).toBe(3);
  });

  it('lets nobody in without a token', async () => {
    await using client = connect(served.clients);
    await expect(client.opened()).rejects.toMatchObject({ code: 'ClientClosed', reason: 'refused' });
  });
});

describe.skipIf(chromium === undefined)('the page of the ticker in Chromium', () => {
  let served: Served;
  let browser: Browser;
  beforeAll(async () => {
    served = await serve();
    browser = await Browser.start(chromium!);
    await browser.open(served.page);
  }, 60_000);
  afterAll(async () => {
    await browser?.[Symbol.asyncDispose]();
    await stop(served);
  });
  const text = (id: string): Promise<string> =>
    browser.value(`document.getElementById(${JSON.stringify(id)}).textContent`);

  it('shows the stream as it goes on', async () => {
    await expect.poll(() => text('status'), patience).toBe('open');
    await expect.poll(() => text('price'), patience).toMatch(/^\d+\.\d\d$/);
    const first = await text('at');
    await expect.poll(() => text('at'), patience).not.toBe(first);
  });

  it('tells clicks, its own and those of others', async () => {
    await browser.click('#click');
    await expect.poll(() => text('clicks'), patience).toBe('1');
    const token = /data-token="([^"]+)"/.exec(await (await fetch(served.page)).text())![1]!;
    await using other = connect(served.clients, { token });
    other.ref(Ticker, 'main').click({ times: 5 });
    await expect.poll(() => text('clicks'), patience).toBe('6');
  });

  it('runs under a policy that lets nothing else run, without a complaint', async () => {
    expect(browser.complaints).toEqual([]);
  });

  it('looks as it should', async () => {
    const picture = await browser.picture();
    expect(picture.length).toBeGreaterThan(5_000);
    if (process.env.TROUPE_PICTURE !== undefined) await writeFile(process.env.TROUPE_PICTURE, picture);
  });

  it('says that its server is gone, and that it is not let in again with a token that the next one does not know', async () => {
    const [port, clientsPort] = [served.page, served.clients].map((address) => Number(new URL(address).port));
    await stop(served);
    await expect.poll(() => text('status'), patience).toBe('away');
    served = await serve(port, clientsPort);
    await expect.poll(() => text('status'), patience).toBe('closed');
    await browser.open(served.page);
    await expect.poll(() => text('status'), patience).toBe('open');
    await expect.poll(() => text('clicks'), patience).toBe('0');
  });
});
