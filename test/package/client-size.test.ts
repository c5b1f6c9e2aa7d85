/** What the client takes in a page stays within its bounds: `npm run size:client` says how much it is. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const script = fileURLToPath(new URL('../../scripts/client-size.mjs', import.meta.url));

interface Row {
  readonly what: string;
  readonly bytes: number;
  readonly gzipBytes: number;
}

describe('the client in a page', () => {
  it('takes no more than its bounds, and is far from nothing', async () => {
    // It ends with 1 where a bound is exceeded.
    const { stdout } = await promisify(execFile)(process.execPath, [script]);
    const rows = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Row);
    expect(rows.map(({ what }) => what)).toEqual([
      'client',
      'client and protocols',
      'client, protocols and zod',
      'zod alone',
    ]);
    for (const { bytes, gzipBytes } of rows) expect(gzipBytes).toBeGreaterThan(bytes / 10);
    expect(rows[0]!.gzipBytes).toBeGreaterThan(5_000);
  });
});
