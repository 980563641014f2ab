import { Arg, Args, Ctx, ID, Int, Mutation, Query, Resolver } from 'type-graphql';
import type { EventIds } from '#journal/event-id';
import type { Delivery } from '#projections/alerts/alert-row';
import { parseCursor, printCursor } from '#subgraphs/events/created-cursor';
import {
  AlertDeliveriesArgs,
  type AlertDelivery,
  AlertDeliveryConnection,
  SendAlertsAgainArgs,
  TestAlertPayload,
} from '#subgraphs/events/schema/alert-deliveries';
import type { EventsServices } from '#subgraphs/events/service';
import { pageOf, toConnection } from '#subgraphs/shared/connection';
import type { SubgraphContext } from '#subgraphs/shared/context';

type Context = SubgraphContext<EventsServices>;

const PAGE_SIZES = { default: 50, max: 200 };
const WHO = 'Administrators who cover all accounts of the alert only.';

@Resolver()
export class AlertDeliveryResolver {
  @Query(() => AlertDeliveryConnection, {
    description: `What was and is to be sent to an alert’s webhook, the newest first; 50 a page, 200 at most. ${WHO}`,
  })
  async alertDeliveries(
    @Args(() => AlertDeliveriesArgs) { alert, state, ...args }: AlertDeliveriesArgs,
    @Ctx() { services, principal }: Context,
  ): Promise<AlertDeliveryConnection> {
    const page = pageOf(args, PAGE_SIZES);
    const { direction, size } = page;
    const cursor = page.cursor === undefined ? undefined : parseCursor(page.cursor, direction);
    const of = { alert, state: state ?? undefined };
    const found = await services.deliveries.list(principal, of, { direction, cursor, limit: size + 1 });
    const rows = found.slice(0, size);
    if (direction === 'backward') rows.reverse();
    const nodes = rows.map((row) => present(row, services.eventIds));
    return toConnection({ page, nodes, more: found.length > size, cursorOf: printCursor });
  }

  @Mutation(() => Int, {
    description:
      'Gives deliveries that are DEAD another series of attempts, beginning now, and says how many. Name an alert or ' +
      `deliveries. ${WHO}`,
  })
  sendAlertsAgain(
    @Args(() => SendAlertsAgainArgs) { alert, ids }: SendAlertsAgainArgs,
    @Ctx() { services, principal }: Context,
  ): Promise<number> {
    return services.deliveries.sendAgain(principal, { alert: alert ?? undefined, ids: ids ?? undefined });
  }

  @Mutation(() => TestAlertPayload, {
    description:
      'Sends one signed sample (a CloudEvent of the type `cairn.alert.test.v1`) to the alert’s webhook at once and says ' +
      `what came back; it is not tried again. ${WHO}`,
  })
  async testAlert(
    @Arg('alert', () => ID, { description: 'The alert.' }) alert: string,
    @Ctx() { services, principal, signal }: Context,
  ): Promise<TestAlertPayload> {
    const { status, error } = await services.deliveries.test(principal, alert, signal);
    return { status: status ?? null, error: error ?? null };
  }
}

function present(row: Delivery, eventIds: EventIds): AlertDelivery {
  return {
    id: row.id,
    alertId: row.alert,
    eventId: eventIds.encode(row.place, row.eventTime),
    accountId: row.account,
    state: row.state,
    attempts: row.attempts,
    lastStatus: row.lastStatus ?? null,
    lastError: row.lastError ?? null,
    nextAttemptAt: row.state === 'PENDING' ? row.nextAttemptAt : null,
    createdAt: row.createdAt,
    deliveredAt: row.deliveredAt ?? null,
  };
}
