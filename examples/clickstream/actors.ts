/** The registry: what this process and its threads load. */
import { registry } from 'troupe';
import { clickSessions } from './flow.ts';

export default registry(clickSessions);
