/** The registry: what this process and its threads load. */
import { registry } from 'troupe';
import { queries } from './queries.ts';

export default registry(...Object.values(queries).map(({ flow }) => flow));
