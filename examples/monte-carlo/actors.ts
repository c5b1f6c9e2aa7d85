// npm run example:monte-carlo
/** The registry: what the worker threads load, and all that they need to know of this program. */
import { registry } from 'troupe';
import { sampler } from './sampler.ts';

export default registry(sampler);
