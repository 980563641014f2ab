import { jobs } from '#domain/jobs';
import type { Deliverer } from '#projections/alerts/deliveries/deliver';
import { defineJob } from '#workers/jobs/kit';
import type { BoundJob } from '#workers/jobs/kit';

/** Only begins: what is on its way takes no job's place, and makes room for the next by itself. */
export function deliverAlerts(deliverer: Pick<Deliverer, 'begin' | 'inFlight'>): BoundJob {
  return defineJob(jobs.deliverAlerts, async () => {
    const begun = await deliverer.begin();
    return { begun, inFlight: deliverer.inFlight };
  });
}
