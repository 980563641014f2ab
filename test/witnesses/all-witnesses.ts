import { Alerted } from '#test/witnesses/alerted';
import { Exporter } from '#test/witnesses/exporter';
import { Follower } from '#test/witnesses/follower';
import type { Witness } from '#test/witnesses/witness';

/** One of each, for one platform. */
export function allWitnesses(): readonly Witness[] {
  return [new Follower(), new Exporter(), new Alerted()];
}
