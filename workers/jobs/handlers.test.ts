import { describe, expect, it } from 'vitest';
import { CairnError } from '#domain/errors';
import type { JobDefinition, JobProgress, JobRun, StartOptions } from '#domain/jobs';
import type { ErasureScope } from '#journal/types';
import { Hopeless, Postponed } from '#platform/queue/queue';
import { applyRetention } from '#workers/jobs/apply-retention';
import { ExportFailed, ExportNotYet } from '#projections/export/write-export';
import { eraseAccount } from '#workers/jobs/erase-account';
import { exportEvents } from '#workers/jobs/export-events';
import type { BoundJob } from '#workers/jobs/kit';
import { rebuildHistory } from '#workers/jobs/rebuild-history';
import { sealTail } from '#workers/jobs/seal-tail';

function run(job: BoundJob, payload: unknown, parts: { signal?: AbortSignal; seen?: JobProgress[] } = {}) {
  return job.prepare(payload).run({
    runId: 'run',
    signal: parts.signal ?? new AbortController().signal,
    progress: (value) => {
      parts.seen?.push(value);
      return Promise.resolve();
    },
  });
}

describe('eraseAccount', () => {
  function erasers(log: [string, ErasureScope][], broken?: string) {
    const eraser = (name: string) => ({
      name,
      erase: (scope: ErasureScope) => {
        if (name === broken) return Promise.reject(new Error(`${name} is away`));
        log.push([name, scope]);
        return Promise.resolve();
      },
    });
    return { journal: eraser('journal'), views: [eraser('history'), eraser('refusals')] };
  }

  it('erases the journal first, then every view, and shows how far it is', async () => {
    const log: [string, ErasureScope][] = [];
    const seen: JobProgress[] = [];
    const payload = { account: '123456789012', before: Date.UTC(2026, 0, 1) };
    expect(await run(eraseAccount(erasers(log)), payload, { seen })).toEqual({
      erased: 'journal, history, refusals',
    });
    expect(log).toEqual(['journal', 'history', 'refusals'].map((name) => [name, payload]));
    expect(seen.map(({ done, total }) => `${done}/${total}`)).toEqual(['0/3', '1/3', '2/3', '3/3']);
  });

  it('fails when one of them cannot confirm', async () => {
    const log: [string, ErasureScope][] = [];
    const job = eraseAccount(erasers(log, 'history'));
    await expect(run(job, { account: '123456789012' })).rejects.toThrow('history is away');
    expect(log).toEqual([['journal', { account: '123456789012', before: undefined }]]);
  });

  it('touches nothing when another worker has one of the views: that one takes the run', async () => {
    const log: [string, ErasureScope][] = [];
    const { journal, views } = erasers(log);
    const elsewhere = views.map((view) => ({ ...view, isElsewhere: view.name === 'refusals' }));
    const job = eraseAccount({ journal, views: elsewhere });
    await expect(run(job, { account: '123456789012' })).rejects.toThrow(Postponed);
    expect(log).toEqual([]);
  });

  it('stops between two of them when the process ends', async () => {
    const log: [string, ErasureScope][] = [];
    const signal = AbortSignal.abort(new Error('closing'));
    await expect(run(eraseAccount(erasers(log)), { account: '123456789012' }, { signal })).rejects.toThrow(
      'closing',
    );
    expect(log).toEqual([]);
  });

  it('has one run at a time for an account', () => {
    const job = eraseAccount(erasers([]));
    const key = (account: string) => job.prepare({ account }).concurrencyKey;
    expect(key('123456789012')).toBe(key('123456789012'));
    expect(key('123456789012')).not.toBe(key('210987654321'));
    expect(() => job.prepare({ account: '12' })).toThrow('malformed');
  });
});

describe('applyRetention', () => {
  it('starts one erasure an account and month, up to the month that is too old', async () => {
    const started: [unknown, StartOptions | undefined][] = [];
    const told: string[] = [];
    const job = applyRetention({
      onApplied: async ({ account }) => void told.push(account),
      now: () => Date.UTC(2026, 10, 23, 12),
      settings: () =>
        Promise.resolve([
          { account: '111111111111', retentionMonths: 12, historyDays: undefined },
          { account: '222222222222', retentionMonths: undefined, historyDays: 30 },
          { account: '333333333333', retentionMonths: 1, historyDays: undefined },
          { account: '000000000000', retentionMonths: 1, historyDays: undefined },
        ]),
      desk: {
        start: <P>(_: JobDefinition<P>, payload: P, options?: StartOptions) => {
          started.push([payload, options]);
          return Promise.resolve(RUN);
        },
        // One of them is begun already, and was told then.
        find: (id) => Promise.resolve(id.startsWith('retention-333') ? RUN : undefined),
      },
    });
    expect(await run(job, {})).toEqual({ accounts: 2 });
    expect(told).toEqual(['111111111111']);
    expect(started).toEqual([
      [
        { account: '111111111111', before: Date.UTC(2025, 10, 1) },
        { id: 'retention-111111111111-2025-11', revive: true },
      ],
      [
        { account: '333333333333', before: Date.UTC(2026, 9, 1) },
        { id: 'retention-333333333333-2026-10', revive: true },
      ],
    ]);
  });
});

describe('the other handlers', () => {
  it('report what was done', async () => {
    const sealer = { sealTail: () => Promise.resolve(2) };
    expect(await run(sealTail(sealer), {})).toEqual({ segments: 2 });
    const seen: JobProgress[] = [];
    const rebuilder = {
      rebuild: async (progress: (value: JobProgress) => Promise<void>) => {
        await progress({ done: 5, total: 10 });
        return 10;
      },
    };
    expect(await run(rebuildHistory(rebuilder), {}, { seen })).toEqual({ events: 10 });
    expect(seen).toEqual([{ done: 5, total: 10 }]);
  });

  it('is left to the worker that has history', async () => {
    const rebuilder = { rebuild: () => Promise.resolve(10), isElsewhere: true };
    await expect(run(rebuildHistory(rebuilder), {})).rejects.toThrow(Postponed);
  });
});

const RUN: JobRun = {
  id: 'run',
  name: 'eraseAccount',
  account: undefined,
  state: 'QUEUED',
  attempts: 0,
  progress: undefined,
  result: undefined,
  error: undefined,
  createdAt: new Date(0),
  startedAt: undefined,
  finishedAt: undefined,
};

describe('exportEvents', () => {
  const payload = { export: '11111111-2222-4333-8444-555555555555' };

  it('waits for its turn behind two others, and takes it when one has ended', async () => {
    const ends = [Promise.withResolvers<undefined>(), Promise.withResolvers<undefined>()];
    let begun = 0;
    const job = exportEvents({ write: () => ends[begun++]?.promise ?? Promise.resolve(undefined) });
    const running = [run(job, payload), run(job, payload)];
    await expect(run(job, payload)).rejects.toThrow(Postponed);
    expect(begun).toBe(2);
    ends[0]?.resolve(undefined);
    await running[0];
    expect(await run(job, payload)).toEqual({ rows: null, bytes: null });
    ends[1]?.resolve(undefined);
    await running[1];
  });

  it('comes again for what is not yet, gives up what is hopeless, and tries the rest again', async () => {
    const failing = (error: Error) => run(exportEvents({ write: () => Promise.reject(error) }), payload);
    await expect(failing(new ExportNotYet('behind'))).rejects.toThrow(Postponed);
    await expect(failing(new ExportFailed(new CairnError('LIMIT_EXCEEDED', 'Too much.')))).rejects.toThrow(
      Hopeless,
    );
    await expect(failing(new Error('away'))).rejects.toThrow('away');
  });
});
