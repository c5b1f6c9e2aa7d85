/** One side of a join: its rows, and when each goes. */
import { ExpiryWheel } from './expiry-wheel.ts';
import { SideRows } from './side-rows.ts';

export class JoinSide {
  readonly rows: SideRows = new SideRows();
  readonly wheel: ExpiryWheel = new ExpiryWheel(this.rows);

  /** Gives memory back where most of it is not needed any more. Between two pieces of work. */
  shrink(): void {
    const numbers = this.rows.shrink();
    if (numbers !== undefined) this.wheel.renumber(numbers);
  }
}
