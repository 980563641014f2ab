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
  /** CloudTrail digest files among them: known, and not events. */
  readonly digests: number;
  /** The first 10,000 refused and conflicting events. */
  readonly refusals: readonly Refusal[];
  /** Why the file could not be read to its end; the counts are of what came before. */
  readonly error?: BodyError;
}

/** A fault of the file itself, not of the call or the platform. */
export interface BodyError {
  readonly code: string;
  readonly path?: string;
  readonly message: string;
}

type Answer = Partial<FileReport>;

/** Faults of a file beside those whose path is the body: too large, no gzip though it says so. */
const FILE_FAULTS = new Set(['BODY_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE']);
const NOTHING = {
  received: 0,
  recorded: 0,
  duplicates: 0,
  conflicts: 0,
  refused: 0,
  digests: 0,
  refusals: [],
};

interface Destination {
  readonly importId: string;
  readonly account: string | undefined;
}

/**
 * Sends one file as one request; waits and repeats as long as the platform asks for patience. A file that cannot
 * be read to its end is a report with an error: the other files of an import are no worse for it.
 */
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
  const answer = (await response.json()) as Answer;
  const { error } = answer;
  if (error && error.path !== 'body' && !FILE_FAULTS.has(error.code)) {
    throw new PlatformError(error.code, error.message, error.path);
  }
  return { ...NOTHING, ...answer };
}
