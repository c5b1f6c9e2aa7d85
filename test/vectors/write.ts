/** Writes `docs/wire-vectors.json` anew: `node --import tsx test/vectors/write.ts`. What is in it changes with the version. */
import { writeFileSync } from 'node:fs';
import { vectors } from './vectors.ts';

writeFileSync(new URL('../../docs/wire-vectors.json', import.meta.url), `${JSON.stringify(vectors(), undefined, 2)}\n`);
