/**
 * The ESLint plugin `troupe/eslint`, for flat configs:
 *
 * ```js
 * import troupe from 'troupe/eslint'
 * const rules = { 'troupe/no-plain-async-operators': 'error', 'troupe/no-plain-state': 'error' }
 * export default [{ plugins: { troupe }, rules }]
 * ```
 *
 * It needs nothing of ESLint when it is loaded, so the package does not depend on it.
 */
import { noPlainAsyncOperators, type Rule } from './no-plain-async-operators.ts';
import { noPlainState } from './no-plain-state.ts';

/** How ESLint names the plugin. */
export const meta: { readonly name: string } = { name: 'troupe' };

/** The rules, by their names. */
export const rules: { readonly 'no-plain-async-operators': Rule; readonly 'no-plain-state': Rule } = {
  'no-plain-async-operators': noPlainAsyncOperators,
  'no-plain-state': noPlainState,
};
