import { Arg, Args, Ctx, ID, Mutation, Query, Resolver } from 'type-graphql';
import { exportFileName } from '#domain/exports';
import type { Principal } from '#domain/principal';
import type { ExportRow } from '#projections/export/export-row';
import { parseCursor, printCursor } from '#subgraphs/events/created-cursor';
import { ExportConnection, ExportType, StartExportInput } from '#subgraphs/events/schema/exports';
import { EVENT_ORDERS } from '#subgraphs/events/schema/history';
import type { EventsServices } from '#subgraphs/events/service';
import { PageArgs, pageOf, toConnection } from '#subgraphs/shared/connection';
import type { SubgraphContext } from '#subgraphs/shared/context';

type Context = SubgraphContext<EventsServices>;

const PAGE_SIZES = { default: 50, max: 200 };
const OWN = 'Any key that may read can, within its accounts.';

@Resolver()
export class ExportResolver {
  @Query(() => ExportConnection, {
    description:
      'Exports that hold nothing but events of the key’s accounts, the newest first; 50 a page, 200 at most.',
  })
  async exports(
    @Args(() => PageArgs) args: PageArgs,
    @Ctx() { services, principal }: Context,
  ): Promise<ExportConnection> {
    const page = pageOf(args, PAGE_SIZES);
    const { direction, size } = page;
    const cursor = page.cursor === undefined ? undefined : parseCursor(page.cursor, direction);
    const found = await services.exports.list(principal, { direction, cursor, limit: size + 1 });
    const rows = found.slice(0, size);
    if (direction === 'backward') rows.reverse();
    const nodes = rows.map((row) => present(row, principal, services));
    return toConnection({ page, nodes, more: found.length > size, cursorOf: printCursor });
  }

  @Query(() => ExportType, {
    nullable: true,
    description: 'One export; null when there is none, or the key does not see all of its accounts.',
  })
  async export(
    @Arg('id', () => ID, { description: 'Its id.' }) id: string,
    @Ctx() { services, principal }: Context,
  ): Promise<ExportType | null> {
    const row = await services.exports.find(principal, id);
    return row ? present(row, principal, services) : null;
  }

  @Mutation(() => ExportType, {
    description: `Begins to write a file of events; events recorded after it began are not in it. ${OWN}`,
  })
  async startExport(
    @Arg('input', () => StartExportInput, { description: 'Which events, and how.' }) input: StartExportInput,
    @Ctx() { services, principal }: Context,
  ): Promise<ExportType> {
    const row = await services.exports.start(principal, {
      filter: input.filter ?? undefined,
      order: EVENT_ORDERS[input.orderBy ?? 'EVENT_TIME_DESC'],
      format: input.format,
      columns: input.columns ?? undefined,
      compression: input.compression ?? 'NONE',
    });
    return present(row, principal, services);
  }

  @Mutation(() => ExportType, {
    description: `Ends an export that is not done; one that is done stays as it is. Of other keys: administrators only. ${OWN}`,
  })
  async cancelExport(
    @Arg('id', () => ID, { description: 'The export.' }) id: string,
    @Ctx() { services, principal }: Context,
  ): Promise<ExportType> {
    return present(await services.exports.cancel(principal, id), principal, services);
  }

  @Mutation(() => ID, {
    description: `Removes an export and its file, and gives its id. Of other keys: administrators only. ${OWN}`,
  })
  deleteExport(
    @Arg('id', () => ID, { description: 'The export.' }) id: string,
    @Ctx() { services, principal }: Context,
  ): Promise<string> {
    return services.exports.delete(principal, id);
  }
}

function present(row: ExportRow, principal: Principal, services: EventsServices): ExportType {
  const total = row.total ?? null;
  const done = row.state === 'SUCCEEDED';
  return {
    id: row.id,
    state: row.state,
    error: row.error ?? null,
    format: row.format,
    compression: row.compression,
    columns: row.columns,
    orderBy: row.order === 'TIME_ASC' ? 'EVENT_TIME_ASC' : 'EVENT_TIME_DESC',
    filter: row.filter,
    accounts: row.scope === 'ALL' ? null : row.scope,
    createdBy: row.createdBy,
    createdAt: row.createdAt,
    startedAt: row.startedAt ?? null,
    finishedAt: row.finishedAt ?? null,
    expiresAt: done ? (row.expiresAt ?? null) : null,
    progress: { rows: row.rows, bytes: row.bytes, total, share: shareOf(row) },
    fileName: exportFileName(row),
    sha256: done ? (row.sha256 ?? null) : null,
    statement: done ? (row.statement ?? null) : null,
    link: services.exports.linkTo(principal, row) ?? null,
  };
}

function shareOf({ state, rows, total }: ExportRow): number | null {
  if (state === 'SUCCEEDED') return 1;
  return total === undefined ? null : Math.min(1, rows / Math.max(1, total));
}
