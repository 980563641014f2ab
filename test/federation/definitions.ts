import { events } from '#subgraphs/events/index';
import { insights } from '#subgraphs/insights/index';
import { lake } from '#subgraphs/lake/index';
import { organization } from '#subgraphs/organization/index';
import { subgraphSdl } from '#subgraphs/shared/build-subgraph';
import { trails } from '#subgraphs/trails/index';

/** Every subgraph of the product, as it is committed in gateway/schema. */
export function subgraphSdls(): { readonly name: string; readonly sdl: string }[] {
  return [
    { name: events.name, sdl: subgraphSdl(events) },
    { name: insights.name, sdl: subgraphSdl(insights) },
    { name: lake.name, sdl: subgraphSdl(lake) },
    { name: organization.name, sdl: subgraphSdl(organization) },
    { name: trails.name, sdl: subgraphSdl(trails) },
  ];
}
