/** The operators on a plain Subject. */
import { Subject } from 'rxjs';
import { added, doubled, see, wanted } from '../flows.mjs';

export function throughSubject(elements) {
  const subject = new Subject();
  subject.pipe(doubled, wanted, added).subscribe(see);
  for (const element of elements) subject.next(element);
  subject.complete();
}
