import { randomUUID } from 'node:crypto';
import { CairnError } from '#domain/errors';
import {
  DEFAULT_EXPORT_COLUMNS,
  EXPORT_COLUMNS,
  MAX_EXPORT_FILTER_BYTES,
  type ExportColumn,
  type ExportCompression,
  type ExportFormat,
  type ExportLimits,
} from '#domain/exports';
import { checkFilter } from '#domain/filter/check';
import type { EventFilter } from '#domain/filter/filter';
import { splitTime } from '#domain/filter/simplify';
import { EXPORT_ID } from '#domain/ids';
import { coversAccount, type Principal } from '#domain/principal';
import type { ExportFiles } from '#projections/export/export-files';
import type { ExportRow, ExportSlice } from '#projections/export/export-row';
import { makeLinkToken } from '#projections/export/link';
import type { ExportStore } from '#projections/export/store';
import type { AccountScope, HistoryOrder } from '#projections/history/history-index';
import { requireReader } from '#subgraphs/shared/context';

export interface ExportsParts {
  readonly store: ExportStore;
  readonly files: Pick<ExportFiles, 'destroy'>;
  /** Durable when it resolves: some worker writes the file. */
  readonly startRun: (id: string) => Promise<unknown>;
  readonly linkSecret: Buffer;
  readonly limits: ExportLimits;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** What a caller asks for; nobody has checked `filter` and `columns`. */
export interface ExportRequest {
  readonly filter: unknown;
  readonly order: HistoryOrder;
  readonly format: ExportFormat;
  readonly columns: readonly string[] | undefined;
  readonly compression: ExportCompression;
}

/** A way to the file for a time; whoever has it needs no key. */
export interface FileLink {
  /** Below the platform's address. */
  readonly path: string;
  readonly expiresAt: Date;
}

/** Use cases around exports: of the caller's accounts only; others are as if they were not there. */
export class Exports {
  readonly #parts: ExportsParts;

  constructor(parts: ExportsParts) {
    this.#parts = parts;
  }

  async start(principal: Principal, request: ExportRequest): Promise<ExportRow> {
    requireReader({ principal });
    const filter = checkFilter(request.filter);
    const text = JSON.stringify(request.filter ?? {});
    if (Buffer.byteLength(text) > MAX_EXPORT_FILTER_BYTES) {
      throw new CairnError('LIMIT_EXCEEDED', `A filter may have ${MAX_EXPORT_FILTER_BYTES} bytes here.`, {
        path: 'input.filter',
      });
    }
    const { store, startRun, limits } = this.#parts;
    const row = await store.insert(
      {
        id: randomUUID(),
        createdBy: principal.keyId,
        scope: principal.accounts,
        accounts: accountsWithin(principal.accounts, filter),
        fromTime: splitTime(filter).range.from,
        filter: text,
        order: request.order,
        format: request.format,
        columns: columnsOf(request),
        compression: request.compression,
      },
      limits,
    );
    // Should this fail, tendExports starts it: the row is there.
    await startRun(row.id);
    return row;
  }

  async find(principal: Principal, id: string): Promise<ExportRow | undefined> {
    const row = EXPORT_ID.test(id) ? await this.#parts.store.find(id) : undefined;
    return row && covers(principal, row.scope) ? row : undefined;
  }

  /** One more than `slice.limit` tells nothing here: the caller asks for one more itself. */
  list(principal: Principal, slice: ExportSlice): Promise<readonly ExportRow[]> {
    return this.#parts.store.list({ scope: principal.accounts, createdBy: undefined }, slice);
  }

  /** What has ended stays as it is. */
  async cancel(principal: Principal, id: string): Promise<ExportRow> {
    const row = await this.#own(principal, id);
    await this.#parts.store.end(row.id, 'CANCELED');
    return (await this.#parts.store.find(row.id)) ?? row;
  }

  /** File and all. Resolves when it cannot be read any more. */
  async delete(principal: Principal, id: string): Promise<string> {
    const row = await this.#own(principal, id);
    const { store, files } = this.#parts;
    await store.end(row.id, 'CANCELED');
    await files.destroy({ id: row.id, generation: Infinity });
    await store.delete(row.id);
    return row.id;
  }

  /** Undefined while there is no file. */
  linkTo(principal: Principal, row: ExportRow): FileLink | undefined {
    if (row.state !== 'SUCCEEDED') return undefined;
    const { linkSecret, limits, now } = this.#parts;
    const expiresAt = now() + limits.linkMinutes * 60_000;
    const token = makeLinkToken(linkSecret, row, { keyId: principal.keyId, expiresAt });
    return { path: `/v1/exports/${row.id}/file?token=${token}`, expiresAt: new Date(expiresAt) };
  }

  /** Those of the caller's own key, and for administrators those of all keys within their accounts. */
  async #own(principal: Principal, id: string): Promise<ExportRow> {
    requireReader({ principal });
    const row = await this.find(principal, id);
    if (row !== undefined && (row.createdBy === principal.keyId || principal.role === 'administrator'))
      return row;
    throw new CairnError('NOT_FOUND', `There is no export ${id.slice(0, 64)}.`, { path: 'id' });
  }
}

/** Whether a key sees everything that an export of this scope may hold. */
export function covers(principal: Principal, scope: AccountScope): boolean {
  if (principal.accounts === 'ALL') return true;
  return scope !== 'ALL' && scope.every((account) => coversAccount(principal, account));
}

/** The accounts that the filter leaves of the scope, where it says so plainly. */
function accountsWithin(scope: AccountScope, filter: EventFilter): AccountScope {
  const conditions = filter.kind === 'and' ? filter.filters : [filter];
  let accounts = scope;
  for (const condition of conditions) {
    if (condition.kind !== 'in' || condition.field !== 'account') continue;
    accounts =
      accounts === 'ALL'
        ? condition.values
        : accounts.filter((account) => condition.values.includes(account));
  }
  return accounts;
}

function columnsOf({ format, columns }: ExportRequest): readonly ExportColumn[] {
  if (format !== 'CSV') {
    if (columns === undefined) return [];
    throw new CairnError('INVALID_ARGUMENT', 'Only CSV has columns.', { path: 'input.columns' });
  }
  if (columns === undefined) return DEFAULT_EXPORT_COLUMNS;
  const known = columns.map((name, index) => {
    const column = EXPORT_COLUMNS.find((one) => one === name);
    if (column !== undefined && columns.indexOf(name) === index) return column;
    throw new CairnError('INVALID_ARGUMENT', 'A column must be one of those that there are, once.', {
      path: `input.columns[${index}]`,
    });
  });
  if (known.length > 0) return known;
  throw new CairnError('INVALID_ARGUMENT', 'Name at least one column.', { path: 'input.columns' });
}
