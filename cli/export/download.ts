import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open as openFile, rename, rm, stat } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { CliContext } from '#cli/cli-context';
import type { CairnClient } from '#cli/client';
import { bar, readExport, type ExportView } from '#cli/export/start-export';
import { Progress } from '#cli/output/progress';
import { CairnError } from '#domain/errors';
import { hasCode } from '#platform/files';

interface Download {
  readonly cli: Pick<CliContext, 'stderr'>;
  readonly client: Pick<CairnClient, 'query' | 'request'>;
  readonly view: ExportView;
  /** The file to make. */
  readonly file: string;
  /** Milliseconds before the first further try; a second unless told. */
  readonly pauseMs?: number;
}

const TRIES = 6;
const PAUSE_MS = 1_000;

/**
 * Brings the file here, going on where an attempt ended, also one of an earlier command: what there is of it lies
 * beside it as `<file>.<id>.part`. CORRUPT when the bytes are not those of the SHA-256.
 */
export async function downloadExport(download: Download): Promise<void> {
  const { view, file } = download;
  const partial = `${file}.${view.id}.part`;
  await fetchAll(download, partial);
  const sha256 = await hashOf(partial);
  if (sha256 !== view.sha256) {
    await rm(partial, { force: true });
    throw new CairnError('CORRUPT', `What came has the SHA-256 ${sha256}, not ${view.sha256 ?? ''}.`);
  }
  await rename(partial, file);
}

async function fetchAll({ cli, client, view, pauseMs = PAUSE_MS }: Download, partial: string): Promise<void> {
  const progress = new Progress(cli.stderr);
  const { bytes } = view.progress;
  for (let tries = 1; ; tries++) {
    const from = await sizeOf(partial);
    try {
      await fetchFrom(client, { view, partial, from, progress });
      if ((await sizeOf(partial)) >= bytes) break;
      throw new CairnError('UNAVAILABLE', 'The connection ended too soon.');
    } catch (error) {
      const hasMoved = (await sizeOf(partial)) > from;
      if (hasMoved) tries = 1;
      const isFinal = error instanceof CairnError && !error.retryable;
      if (isFinal || tries >= TRIES || hasCode(error, 'ENOSPC', 'EACCES', 'ENOENT')) throw error;
      await delay(pauseMs * 2 ** (tries - 1));
    }
  }
  progress.done();
}

async function fetchFrom(
  client: Download['client'],
  of: {
    readonly view: ExportView;
    readonly partial: string;
    readonly from: number;
    readonly progress: Progress;
  },
): Promise<void> {
  const { bytes } = of.view.progress;
  if (of.from > 0 && of.from >= bytes) return;
  // Each attempt has a link of its own: the first one may have expired meanwhile.
  const { link, sha256 } = await readExport(client, of.view.id);
  if (link === null) throw new CairnError('NOT_FOUND', 'The file is not there any more.');
  const headers: Record<string, string> =
    of.from === 0 ? {} : { range: `bytes=${of.from}-`, 'if-range': `"${sha256 ?? ''}"` };
  const response = await client.request(link.path, { headers });
  if (!response.ok || response.body === null) throw await refusalOf(response);
  const isRest = response.status === 206;
  const handle = await openFile(of.partial, isRest ? 'a' : 'w', 0o600);
  try {
    let received = isRest ? of.from : 0;
    // Written before more is read: what came before a break is there for the next attempt.
    for await (const chunk of response.body) {
      await handle.writeFile(chunk);
      received += chunk.length;
      const share = bytes === 0 ? 1 : received / bytes;
      of.progress.show(() => `downloading ${bar(share)} ${Math.floor(share * 100)} %`);
    }
  } finally {
    await handle.close();
  }
}

async function refusalOf(response: Response): Promise<CairnError> {
  const text = await response.text();
  const message = /"message":"((?:[^"\\]|\\.)*)"/.exec(text)?.[1] ?? `HTTP ${response.status}`;
  const isBusy = response.status === 429 || response.status >= 500;
  return new CairnError(isBusy ? 'UNAVAILABLE' : 'FORBIDDEN', message);
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return 0;
    throw error;
  }
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
