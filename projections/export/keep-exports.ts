import type { ExportLimits } from '#domain/exports';
import type { ErasureScope } from '#journal/types';
import type { ExportFiles } from '#projections/export/export-files';
import type { ExportRow } from '#projections/export/export-row';
import type { ExportStore } from '#projections/export/store';

interface KeeperParts {
  readonly store: ExportStore;
  readonly files: Pick<ExportFiles, 'destroy'>;
  readonly limits: Pick<ExportLimits, 'hours'>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Sees to it that a run works on it; what became of that run when it was given up. */
  readonly ensureRun: (id: string) => Promise<string | undefined>;
  /** Hears of those that are given up here, after the table says so. */
  readonly onFailed?: (row: ExportRow) => Promise<void>;
  /** Hears of files that are gone, before the table says so: after a crash in between, twice. */
  readonly onRemoved?: (row: ExportRow, why: 'over' | 'erasure') => Promise<void>;
}

/** What one round has done. */
export interface Tended {
  readonly removed: number;
  readonly failed: number;
  readonly forgotten: number;
}

const FILES_PER_ROUND = 200;
/** How long an export can be looked up after its file is gone. */
const KEPT_MS = 90 * 86_400_000;
/** Beyond its hours a run has this long to say itself that it failed. */
const GRACE_MS = 600_000;

/** Removes files of exports: after their time, on erasure, and those that failed or were canceled. */
export class ExportKeeper {
  /** For the erasure's log. */
  readonly name = 'exports';
  readonly #parts: KeeperParts;

  constructor(parts: KeeperParts) {
    this.#parts = parts;
  }

  async tend(signal: AbortSignal): Promise<Tended> {
    const { store, files, now, onRemoved } = this.#parts;
    const failed = await this.#endStale(signal);
    await store.expire(new Date(now()));
    const ended = await store.toRemove(FILES_PER_ROUND);
    for (const row of ended) {
      signal.throwIfAborted();
      await files.destroy(row);
      await onRemoved?.(row, 'over');
      await store.removed(row);
    }
    return { removed: ended.length, failed, forgotten: await store.prune(new Date(now() - KEPT_MS)) };
  }

  /**
   * Resolves when no file holds events of the scope that can be read. Files in work begin anew, after everything
   * before them in the erasure: they cannot meet the events again. Keys go first, so that a crash leaves nothing.
   */
  async erase(scope: ErasureScope): Promise<void> {
    const { store, files, onRemoved } = this.#parts;
    for (const row of await store.inWorkOn(scope)) {
      await files.destroy(row);
      await store.restart(row.id, row.generation);
    }
    for (const row of await store.withEventsOf(scope)) {
      await files.destroy(row);
      await onRemoved?.(row, 'erasure');
      await store.erased(row);
    }
  }

  /** Those whose run was given up, or never heard of: a crash can lie between the two. */
  async #endStale(signal: AbortSignal): Promise<number> {
    const { store, limits, now, ensureRun, onFailed } = this.#parts;
    let failed = 0;
    for (const row of await store.open()) {
      signal.throwIfAborted();
      const { id, createdAt, startedAt } = row;
      const late = now() > (startedAt ?? createdAt).getTime() + limits.hours * 3_600_000 + GRACE_MS;
      const error = late ? `LIMIT_EXCEEDED: An export may take ${limits.hours} hours.` : await ensureRun(id);
      if (error === undefined || !(await store.end(id, 'FAILED', error))) continue;
      failed += 1;
      await onFailed?.({ ...row, state: 'FAILED', error });
    }
    return failed;
  }
}
