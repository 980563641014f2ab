import type { EventNode } from '#subgraphs/events/event-node';
import { AlertDeliveryResolver } from '#subgraphs/events/resolvers/alert-deliveries';
import { AlertResolver } from '#subgraphs/events/resolvers/alerts';
import { EventCountsResolver, EventsResolver } from '#subgraphs/events/resolvers/events';
import { ExportResolver } from '#subgraphs/events/resolvers/exports';
import { LiveResolver } from '#subgraphs/events/resolvers/live';
import { LookupResolver } from '#subgraphs/events/resolvers/lookup';
import { RecordingResolver } from '#subgraphs/events/resolvers/recording';
import { Event } from '#subgraphs/events/schema/event';
import { eventsTrail } from '#subgraphs/events/trail';
import type { EventsServices } from '#subgraphs/events/service';
import { batchPerRequest } from '#subgraphs/shared/batch';
import type { SubgraphDefinition } from '#subgraphs/shared/build-subgraph';
import type { SubgraphContext } from '#subgraphs/shared/context';
import { ownAccount } from '#subgraphs/shared/own-account';

const eventById = batchPerRequest<SubgraphContext<EventsServices>, string, EventNode | null>(
  (ids, { services, principal }) => services.reader.byIds(principal, ids),
);

export const events: SubgraphDefinition<EventsServices> = {
  name: 'events',
  resolvers: [
    AlertResolver,
    AlertDeliveryResolver,
    EventsResolver,
    EventCountsResolver,
    ExportResolver,
    LiveResolver,
    LookupResolver,
    RecordingResolver,
  ],
  entities: [Event],
  shared: ['eventRecorded', 'alertRaised'],
  trail: eventsTrail,
  references: { Event: ({ id }, context) => eventById(id, context), Account: ownAccount },
};

export { createBulkDoor } from '#subgraphs/events/bulk/door';
export type { BulkReport } from '#subgraphs/events/bulk/report';
export { createExportDoor } from '#subgraphs/events/export-door';
export { createEventsServices } from '#subgraphs/events/service';
export type { EventsServices } from '#subgraphs/events/service';
