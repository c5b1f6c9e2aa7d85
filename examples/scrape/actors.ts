// npm run example:scrape
/** What this process and its threads load. */
import { registry } from 'troupe';
import { scrape } from './flow.ts';

export default registry(scrape);
