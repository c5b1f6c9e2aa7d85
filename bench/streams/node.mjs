import { throughNodeStreams } from './node-streams.mjs';

export function open() {
  return { through: throughNodeStreams };
}
