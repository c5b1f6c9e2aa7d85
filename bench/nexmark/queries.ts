/** All queries, by their names. */

import { q0 } from './queries/q0.ts';
import { q1 } from './queries/q1.ts';
import { q2 } from './queries/q2.ts';
import { q5 } from './queries/q5.ts';
import { q11 } from './queries/q11.ts';
import { q12 } from './queries/q12.ts';
import { q13 } from './queries/q13.ts';
import { q16 } from './queries/q16.ts';
import { q18 } from './queries/q18.ts';
import type { Query } from './query.ts';

export const queries: Readonly<Record<string, Query>> = { q0, q1, q2, q5, q11, q12, q13, q16, q18 };
