import { throughSubject } from './subject.mjs';

export function open() {
  return { through: throughSubject };
}
