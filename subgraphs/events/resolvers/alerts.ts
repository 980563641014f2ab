import { Arg, Args, Ctx, ID, Mutation, Query, Resolver, Root, Subscription } from 'type-graphql';
import type { Principal } from '#domain/principal';
import type { AlertRow } from '#projections/alerts/alert-row';
import type { MatchNode } from '#subgraphs/events/alerts/alert-matches';
import type { RaisedAlert } from '#subgraphs/events/alerts/raised-event';
import { parseCursor, printCursor } from '#subgraphs/events/created-cursor';
import {
  Alert,
  AlertConnection,
  AlertMatchConnection,
  type AlertMatch,
  AlertMatchesArgs,
  AlertRaised,
  AlertRaisedArgs,
  PutAlertInput,
  PutAlertPayload,
} from '#subgraphs/events/schema/alerts';
import type { EventsServices } from '#subgraphs/events/service';
import { type ConnectionOf, PageArgs, pageOf, toConnection } from '#subgraphs/shared/connection';
import type { SubgraphContext } from '#subgraphs/shared/context';

type Context = SubgraphContext<EventsServices>;

const PAGE_SIZES = { default: 50, max: 200 };

/** An AlertMatch whose event is asked as it is. */
type ShownMatch = Omit<AlertMatch, 'event'> & Pick<MatchNode, 'event'>;

/** What type-graphql hands over; it leaves arguments and context untyped. */
interface Start {
  readonly args: AlertRaisedArgs;
  readonly context: Context;
}

function follow({ args: { after, alert }, context }: Start): Promise<AsyncGenerator<RaisedAlert>> {
  const { services, principal, signal } = context;
  return services.raised.follow(principal, { after, alert }, signal);
}

@Resolver()
export class AlertResolver {
  @Query(() => AlertConnection, {
    description: 'Alerts all of whose accounts the key sees, the newest first; 50 a page, 200 at most.',
  })
  async alerts(
    @Args(() => PageArgs) args: PageArgs,
    @Ctx() { services, principal }: Context,
  ): Promise<AlertConnection> {
    const page = pageOf(args, PAGE_SIZES);
    const { direction, size } = page;
    const cursor = page.cursor === undefined ? undefined : parseCursor(page.cursor, direction);
    const found = await services.alerts.list(principal, { direction, cursor, limit: size + 1 });
    const rows = found.slice(0, size);
    if (direction === 'backward') rows.reverse();
    return toConnection({
      page,
      nodes: rows.map((row) => present(row, principal)),
      more: found.length > size,
      cursorOf: printCursor,
    });
  }

  @Query(() => Alert, {
    nullable: true,
    description: 'One alert; null when there is none, or the key does not see all of its accounts.',
  })
  async alert(
    @Arg('id', () => ID, { description: 'Its id.' }) id: string,
    @Ctx() { services, principal }: Context,
  ): Promise<Alert | null> {
    const row = await services.alerts.find(principal, id);
    return row ? present(row, principal) : null;
  }

  @Query(() => AlertMatchConnection, {
    description:
      'What alerts have raised, in the order of recording, the newest first; 50 a page, 200 at most. Of alerts all ' +
      'of whose accounts the key sees; erased events are gone.',
  })
  async alertMatches(
    @Args(() => AlertMatchesArgs) { alert, since, ...args }: AlertMatchesArgs,
    @Ctx() { services, principal }: Context,
  ): Promise<ConnectionOf<ShownMatch>> {
    const page = pageOf(args, PAGE_SIZES);
    const wanted = { alert: alert ?? undefined, since: since ?? undefined };
    const { nodes, more } = await services.matches.list(principal, wanted, page);
    const shown = nodes.map(({ match, event, cursor }): ShownMatch => ({
      cursor,
      event,
      alertId: match.alert,
      alertName: match.alertName,
      raisedAt: match.matchedAt,
      suppressed: match.suppressed,
      lastSuppressedAt: match.lastSuppressedAt ?? null,
    }));
    return toConnection({ page, nodes: shown, more, cursorOf: ({ cursor }) => cursor });
  }

  @Mutation(() => PutAlertPayload, {
    description:
      'Makes an alert for the key’s accounts, or changes the one of this name that has the same accounts. It concerns ' +
      'events that are recorded from now on; when only other things than its filter change, it goes on as it was. ' +
      'Administrators only. LIMIT_EXCEEDED beyond 200 alerts of the same accounts, 1,000 of the installation.',
  })
  async putAlert(
    @Arg('input', () => PutAlertInput, { description: 'The alert.' }) input: PutAlertInput,
    @Ctx() { services, principal }: Context,
  ): Promise<PutAlertPayload> {
    const { webhook } = input;
    const { alert, webhookSecret } = await services.alerts.put(principal, {
      name: input.name,
      description: input.description ?? '',
      filter: input.filter ?? undefined,
      throttleSeconds: input.throttle ?? 0,
      webhook: webhook ? { url: webhook.url, newSecret: webhook.newSecret ?? false } : undefined,
    });
    return { alert: present(alert, principal), webhookSecret: webhookSecret ?? null };
  }

  @Mutation(() => ID, {
    description:
      'Removes an alert with all that it has raised, and gives its id. Say its id, or its name among the alerts of ' +
      'exactly the key’s accounts. Administrators only.',
  })
  deleteAlert(
    @Ctx() { services, principal }: Context,
    @Arg('id', () => ID, { nullable: true, description: 'Its id.' }) id?: string | null,
    @Arg('name', () => String, { nullable: true, description: 'Its name.' }) name?: string | null,
  ): Promise<string> {
    return services.alerts.delete(principal, { id, name });
  }

  @Subscription(() => AlertRaised, {
    subscribe: follow,
    description:
      'What alerts raise, in the order of recording, each once; of alerts all of whose accounts the key sees. What ' +
      'was raised while nobody listened is told first, with `after`. Asked like `eventRecorded`. A subscriber that ' +
      'does not keep up is cut off with SLOW_CONSUMER, whose `extensions.cursor` is the `after` to go on with.',
  })
  alertRaised(@Root() raised: RaisedAlert, @Args(() => AlertRaisedArgs) _args: AlertRaisedArgs): RaisedAlert {
    return raised;
  }
}

function present(row: AlertRow, { role }: Principal): Alert {
  return {
    id: row.id,
    name: row.name,
    description: row.description,
    filter: row.filter,
    accounts: row.scope === 'ALL' ? null : row.scope,
    throttle: row.throttleSeconds,
    webhook: row.webhook
      ? { url: role === 'administrator' ? row.webhook.url : hostOf(row.webhook.url) }
      : null,
    raised: row.raised,
    dropped: row.dropped,
    putBy: row.putBy,
    createdAt: row.createdAt,
    updatedAt: row.updatedAt,
  };
}

function hostOf(url: string): string {
  return `${new URL(url).origin}/…`;
}
