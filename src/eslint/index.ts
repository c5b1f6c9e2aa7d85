/**
 * The ESLint plugin `troupe/eslint`, for flat configs:
 *
 * ```js
 * import troupe from 'troupe/eslint'
 * export default [{ plugins: { troupe }, rules: { 'troupe/no-plain-async-operators': 'error' } }]
 * ```
 *
 * It needs nothing of ESLint when it is loaded, so the package does not depend on it.
 */
import { noPlainAsyncOperators, type Rule } from './no-plain-async-operators.ts';

/** How ESLint names the plugin. */
export const meta: { readonly name: string } = { name: 'troupe' };

/** The rules, by their names. */
export const rules: { readonly 'no-plain-async-operators': Rule } = {
  'no-plain-async-operators': noPlainAsyncOperators,
};
