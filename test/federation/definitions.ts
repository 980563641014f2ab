import { subgraphSdl } from '#subgraphs/shared/build-subgraph';
import { events } from '#subgraphs/events/index';
import { organization } from '#subgraphs/organization/index';

/** Every subgraph of the product, as it is committed in gateway/schema. */
export function subgraphSdls(): { readonly name: string; readonly sdl: string }[] {
  return [
    { name: events.name, sdl: subgraphSdl(events) },
    { name: organization.name, sdl: subgraphSdl(organization) },
  ];
}
