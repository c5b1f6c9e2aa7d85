/** The registry of the main job: what this process, its threads and the second node all load. */
import { registry } from 'troupe';
import { flightDelays } from './flow.ts';
import { delaysByRoute } from './routes-flow.ts';

export default registry(flightDelays, delaysByRoute);
