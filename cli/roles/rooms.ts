import type { Ground } from '#cli/roles/ground';
import { once } from '#cli/roles/once';
import type { SubgraphName } from '#cli/roles/roles';
import { CheckpointReader } from '#journal/checkpoint-reader';
import { events } from '#subgraphs/events/index';
import { InsightsService, insights } from '#subgraphs/insights/index';
import { LakeService, StorageTally, lake } from '#subgraphs/lake/index';
import { organization } from '#subgraphs/organization/index';
import type { Subgraph, SubgraphDefinition } from '#subgraphs/shared/build-subgraph';
import { buildSubgraph, subgraphSdl } from '#subgraphs/shared/build-subgraph';
import { TrailsService, trails } from '#subgraphs/trails/index';

/** A subgraph as a process may have it: built here, or elsewhere and known by its SDL. */
interface Room {
  readonly sdl: () => string;
  readonly build: (ground: Ground) => Promise<Subgraph>;
}

/** Which rooms there are, and what each stands on. */
const ROOMS: Readonly<Record<SubgraphName, Room>> = {
  organization: room(organization, async (ground) => (await ground.installation()).organization),
  events: room(events, (ground) => ground.events()),
  trails: room(trails, async (ground) => {
    const { pool, journalDeps } = await ground.installation();
    return new TrailsService(new CheckpointReader(pool, journalDeps.objects));
  }),
  lake: room(lake, async (ground) => {
    const { objects } = (await ground.installation()).journalDeps;
    return new LakeService({ journal: new StorageTally(objects), history: await ground.history() });
  }),
  insights: room(
    insights,
    async (ground) => new InsightsService({ history: await ground.history(), now: Date.now }),
  ),
};

function room<Services>(
  definition: SubgraphDefinition<Services>,
  open: (ground: Ground) => Promise<Services>,
): Room {
  return {
    sdl: () => subgraphSdl(definition),
    build: async (ground) =>
      buildSubgraph(definition, {
        services: await open(ground),
        log: ground.base.log,
        recorder: (await ground.installation()).ownTrail.recorder,
      }),
  };
}

/** The subgraphs that a process holds itself, each built once however many doors lead to it. */
export class Rooms {
  readonly #ground: Ground;
  readonly #built = new Map<SubgraphName, () => Promise<Subgraph>>();

  constructor(ground: Ground) {
    this.#ground = ground;
  }

  sdlOf(name: SubgraphName): string {
    return ROOMS[name].sdl();
  }

  build(name: SubgraphName): Promise<Subgraph> {
    const known = this.#built.get(name) ?? once(() => ROOMS[name].build(this.#ground));
    this.#built.set(name, known);
    return known();
  }
}
