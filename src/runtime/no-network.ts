/** The network of a place that has none: workers reach other nodes by way of their main thread. */
import type { Network } from '../base/environment/network.ts';
import { UsageError } from '../base/errors.ts';

export const noNetwork: Network = {
  listen: () => Promise.reject(new UsageError('a worker thread does not listen; the main thread of its node does')),
  dial: () => Promise.reject(new UsageError('a worker thread does not dial; the main thread of its node does')),
};
