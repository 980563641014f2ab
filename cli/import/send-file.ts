import { openAsBlob } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { CairnClient } from '#cli/client';
import { PlatformError } from '#cli/client';
import type { FoundFile } from '#cli/import/find-files';

interface Refusal {
  /** 0-based index of the event in its file. */
  readonly index: number;
  readonly code: string;
  readonly path?: string;
  readonly message: string;
}

/** What the bulk door says of one file. */
export interface FileReport {
  readonly received: number;
  readonly recorded: number;
  readonly duplicates: number;
  readonly conflicts: number;
  readonly refused: number;
  readonly refusals: readonly Refusal[];
  /** What the file is when it holds no events to record: a digest, for example. */
  readonly kind?: string;
}

interface Destination {
  readonly importId: string;
  readonly account: string | undefined;
}

/** Sends one file as one request; waits and repeats as long as the platform asks for patience. */
export async function sendFile(client: CairnClient, file: FoundFile, to: Destination): Promise<FileReport> {
  const query = new URLSearchParams({ import: to.importId, refusals: '10000' });
  if (to.account !== undefined) query.set('account', to.account);
  for (;;) {
    const response = await client.request(`/v1/events?${query}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: await openAsBlob(file.path),
    });
    if (response.status === 429 || response.status === 503) {
      await response.body?.cancel();
      await delay(1000 * Number(response.headers.get('retry-after') ?? 1));
      continue;
    }
    return answerOf(response);
  }
}

async function answerOf(response: Response): Promise<FileReport> {
  const answer = (await response.json()) as FileReport & { error?: { code: string; message: string } };
  if (answer.error) throw new PlatformError(answer.error.code, answer.error.message);
  return answer;
}
