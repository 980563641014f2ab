import { setTimeout as delay } from 'node:timers/promises';
import { post, type Target } from '#test/bench/load';

/** One file of everything that there is. */
export interface ExportRate {
  readonly name: string;
  readonly rows: number;
  readonly megabytes: number;
  /** Until the file can be downloaded. */
  readonly rowsPerSecond: number;
  /** Over loopback. */
  readonly downloadMegabytesPerSecond: number;
}

interface View {
  readonly state: string;
  readonly error: string | null;
  readonly progress: { readonly rows: number; readonly bytes: number };
  readonly link: { readonly path: string } | null;
}

const KINDS = [
  { name: 'CSV, 12 columns', input: 'format: CSV' },
  { name: 'NDJSON', input: 'format: NDJSON' },
  { name: 'NDJSON, zstd', input: 'format: NDJSON, compression: ZSTD' },
] as const;
const POLL_MS = 100;

/** Writes each kind of file, one after the other, and reads it. */
export async function benchExports(target: Target): Promise<readonly ExportRate[]> {
  const rates: ExportRate[] = [];
  for (const { name, input } of KINDS) rates.push(await exportOnce(target, name, input));
  return rates;
}

/** Writes one file and reads it. */
export async function exportOnce(target: Target, name: string, input: string): Promise<ExportRate> {
  const start = performance.now();
  const { startExport } = await ask<{ startExport: { id: string } }>(
    target,
    `mutation { startExport(input: { ${input}, orderBy: EVENT_TIME_ASC }) { id } }`,
  );
  const view = await finished(target, startExport.id);
  const seconds = (performance.now() - start) / 1_000;
  const { rows, bytes } = view.progress;
  const downloadSeconds = await download(target, view.link?.path ?? '', bytes);
  return {
    name,
    rows,
    megabytes: bytes / 2 ** 20,
    rowsPerSecond: rows / seconds,
    downloadMegabytesPerSecond: bytes / 2 ** 20 / downloadSeconds,
  };
}

async function finished(target: Target, id: string): Promise<View> {
  for (;;) {
    const { export: view } = await ask<{ export: View }>(
      target,
      `{ export(id: "${id}") { state error progress { rows bytes } link { path } } }`,
    );
    if (view.state === 'SUCCEEDED') return view;
    if (view.state !== 'QUEUED' && view.state !== 'RUNNING')
      throw new Error(`${view.state}: ${view.error ?? ''}`);
    await delay(POLL_MS);
  }
}

async function download(target: Target, path: string, bytes: number): Promise<number> {
  const start = performance.now();
  const response = await fetch(target.url + path);
  let received = 0;
  for await (const chunk of response.body ?? []) received += chunk.length;
  if (received !== bytes) throw new Error(`${received} of ${bytes} bytes came.`);
  return (performance.now() - start) / 1_000;
}

async function ask<T>(target: Target, query: string): Promise<T> {
  const { text } = await post(target, '/graphql', JSON.stringify({ query }));
  const { data, errors } = JSON.parse(text) as { data?: T; errors?: unknown };
  if (!data || errors !== undefined) throw new Error(text.slice(0, 500));
  return data;
}
