// How large the client is in a page, minified and compressed: one JSON line for each, and exit code 1 beyond its bound.
//
//   npm run size:client
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

const protocols = "export { ask, protocol, stream, tell } from 'troupe';";
const client = "export { connect } from 'troupe/client';";
const schemas = "import * as z from 'zod'; export const schema = z.object({ by: z.int() });";

/** What a page imports, what of it is counted elsewhere, and the most that it may take. */
const rows = [
  { what: 'client', contents: client, external: ['zod'], gzipBytesMax: 20_000 },
  { what: 'client and protocols', contents: client + protocols, external: ['zod'], gzipBytesMax: 32_000 },
  { what: 'client, protocols and zod', contents: client + protocols + schemas, external: [], gzipBytesMax: 66_000 },
  { what: 'zod alone', contents: schemas, external: [], gzipBytesMax: Number.POSITIVE_INFINITY },
];

let isTooLarge = false;
for (const { what, contents, external, gzipBytesMax } of rows) {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: fileURLToPath(new URL('..', import.meta.url)) },
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    external,
    logLevel: 'warning',
  });
  const [{ contents: code }] = outputFiles;
  const gzipBytes = gzipSync(code, { level: 9 }).length;
  process.stdout.write(`${JSON.stringify({ what, bytes: code.length, gzipBytes })}\n`);
  if (gzipBytes > gzipBytesMax) {
    process.stderr.write(`${what}: ${gzipBytes} bytes are beyond ${gzipBytesMax}\n`);
    isTooLarge = true;
  }
}
process.exitCode = isTooLarge ? 1 : 0;
