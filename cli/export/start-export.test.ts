import { expect, it } from 'vitest';
import { type CairnClient, PlatformError } from '#cli/client';
import { type ExportView, waitForExport } from '#cli/export/start-export';
import { CairnError } from '#domain/errors';

const STARTED: ExportView = {
  id: '0198e5a2-6f0c-4d5e-9a51-7d1f2c3b4a59',
  state: 'QUEUED',
  error: null,
  fileName: 'cairn-export.csv',
  sha256: null,
  statement: null,
  progress: { rows: 0, bytes: 0, total: null, share: null },
  link: null,
};

/** Answers one after the other; the last one for ever. */
function answering(answers: readonly (ExportView | Error | null)[]): Pick<CairnClient, 'query'> {
  let asked = 0;
  return {
    query: <T>(): Promise<T> => {
      const answer = answers[Math.min(asked, answers.length - 1)];
      asked += 1;
      if (answer instanceof Error) return Promise.reject(answer);
      return Promise.resolve({ export: answer } as T);
    },
  };
}

const said: string[] = [];
const cli = { stderr: { write: (text: string): boolean => said.push(text) > 0 } };

it('waits for a platform that is away, or begins again, while the export goes on', async () => {
  const done = { ...STARTED, state: 'SUCCEEDED' } as const;
  const client = answering([
    { ...STARTED, state: 'RUNNING' },
    new CairnError('UNAVAILABLE', 'Cannot reach http://127.0.0.1:4600 (ECONNREFUSED): is Cairn running?'),
    new PlatformError('UNAVAILABLE', 'A service that this needs does not answer at the moment.'),
    new TypeError('terminated'),
    done,
  ]);
  expect(await waitForExport(cli, client, STARTED)).toBe(done);
  expect(said).toEqual([]);
});

it('says how to go on when it gives up', async () => {
  const away = new CairnError('UNAVAILABLE', 'Cannot reach it.');
  await expect(waitForExport(cli, answering([away]), STARTED, 0)).rejects.toBe(away);
  expect(said).toEqual([`cairn: go on with: cairn export --id ${STARTED.id}\n`]);
});

it('does not wait for what will not be', async () => {
  const refused = new PlatformError('UNAUTHENTICATED', 'No.');
  await expect(waitForExport(cli, answering([refused]), STARTED)).rejects.toBe(refused);
  await expect(waitForExport(cli, answering([null]), STARTED)).rejects.toMatchObject({ code: 'NOT_FOUND' });
});
