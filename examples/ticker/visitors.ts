/** Whoever has loaded the page has a token of its own; a program with accounts asks its own sessions instead. */
import { randomBytes } from 'node:crypto';

/** The oldest tokens are forgotten beyond this. */
const visitorsMax = 1_000;

export class Visitors {
  readonly #ids = new Map<string, string>();
  #count = 0;

  newToken(): string {
    this.#count += 1;
    const token = randomBytes(18).toString('base64url');
    this.#ids.set(token, `visitor-${this.#count}`);
    const [oldest] = this.#ids.keys();
    if (this.#ids.size > visitorsMax) this.#ids.delete(oldest!);
    return token;
  }

  withToken(token: string | undefined): { id: string } | undefined {
    const id = token === undefined ? undefined : this.#ids.get(token);
    return id === undefined ? undefined : { id };
  }
}
