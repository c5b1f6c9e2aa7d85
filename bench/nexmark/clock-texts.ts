/** Times as SQL's date_format writes them, in UTC. */

const dayMs = 86_400_000;
const minuteMs = 60_000;

/** `2015-07-15` */
export const dayOf = keepingLast(dayMs, (ms) => new Date(ms).toISOString().slice(0, 10));
/** `23:59` */
export const minuteOf = keepingLast(minuteMs, (ms) => new Date(ms).toISOString().slice(11, 16));

/** To write a date takes longer than all else that is done with an event, and the next has mostly the same. */
function keepingLast(unitMs: number, write: (ms: number) => string): (ms: number) => string {
  let last = Number.NaN;
  let text = '';
  return (ms) => {
    const unit = Math.floor(ms / unitMs);
    if (unit !== last) {
      last = unit;
      text = write(ms);
    }
    return text;
  };
}
