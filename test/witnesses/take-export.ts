import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { openExportStatement, type ExportStatement } from '#projections/export/statement';
import { parseVkey } from '#journal/note';
import { askPatiently } from '#test/acceptance/patient-client';
import type { WhereItIs } from '#test/soak/load';

/** A file of all events as its taker has it: CSV with position, eventId and, where it was asked for, the record. */
export interface TakenExport {
  /** In the order of the file. */
  readonly rows: readonly { readonly position: number; readonly eventId: string; readonly raw: string }[];
  /** Attempts that the run took: more than one when something died under it. */
  readonly attempts: number;
  /** What is wrong with it, a line each. */
  readonly faults: readonly string[];
}

interface View {
  readonly state: string;
  readonly error: string | null;
  readonly progress: { readonly rows: number };
  readonly sha256: string | null;
  readonly statement: string | null;
  readonly link: { readonly path: string } | null;
}

interface Taking {
  readonly columns: 'position, eventId' | 'position, eventId, raw';
  readonly stop: AbortSignal;
}

const startOf = (columns: string): string => `mutation {
  startExport(input: { format: CSV, columns: [${columns}], orderBy: EVENT_TIME_ASC }) { id }
}`;
const VIEW = `query ($id: ID!) {
  export(id: $id) { state error progress { rows } sha256 statement link { path } }
  jobRun(id: $id) { attempts }
  publicKeys { vkey }
}`;
const POLL_MS = 100;

/** Asks for it, waits and downloads it, as often as it takes. Undefined when it was told to stop meanwhile. */
export async function takeExport(
  where: WhereItIs,
  { columns, stop }: Taking,
): Promise<TakenExport | undefined> {
  const begun = await ask<{ startExport: { id: string } }>(where, startOf(columns), {}, stop);
  if (begun === undefined) return undefined;
  const { id } = begun.startExport;
  for (;;) {
    const seen = await ask<{
      export: View | null;
      jobRun: { attempts: number } | null;
      publicKeys: { vkey: string }[];
    }>(where, VIEW, { id }, stop);
    if (seen === undefined) return undefined;
    const { export: view, jobRun, publicKeys } = seen;
    const attempts = jobRun?.attempts ?? 0;
    if (view === null) return { rows: [], attempts, faults: [`export ${id} is not there`] };
    if (view.state === 'SUCCEEDED') {
      const bytes = await download(where, view, stop);
      if (bytes === undefined) return undefined;
      const statement = openExportStatement(
        view.statement ?? '',
        publicKeys.flatMap(({ vkey }) => parseVkey(vkey) ?? []),
      );
      const rows = rowsOf(bytes.toString('utf8'));
      return { rows, attempts, faults: faultsOf({ view, statement, bytes, rows }) };
    }
    if (view.state !== 'QUEUED' && view.state !== 'RUNNING') {
      return { rows: [], attempts, faults: [`export ${id} is ${view.state}: ${view.error ?? ''}`] };
    }
    await delay(POLL_MS);
  }
}

async function ask<T>(
  where: WhereItIs,
  query: string,
  variables: Readonly<Record<string, unknown>>,
  stop: AbortSignal,
): Promise<T | undefined> {
  const answer = await askPatiently(where(), query, variables, stop);
  if (answer?.errors !== undefined) throw new Error(JSON.stringify(answer.errors));
  return answer?.data as T | undefined;
}

/** With the rest behind what came, where the connection breaks. */
async function download(
  where: WhereItIs,
  { link }: Pick<View, 'link'>,
  stop: AbortSignal,
): Promise<Buffer | undefined> {
  const chunks: Uint8Array[] = [];
  while (!stop.aborted) {
    const have = chunks.reduce((sum, { length }) => sum + length, 0);
    try {
      const response = await fetch(where().url + (link?.path ?? ''), {
        headers: have === 0 ? {} : { range: `bytes=${have}-` },
      });
      if (response.ok) {
        for await (const chunk of response.body ?? []) chunks.push(chunk);
        return Buffer.concat(chunks);
      }
      const text = await response.text();
      if (![429, 503].includes(response.status))
        throw new Error(`The link answers ${response.status}: ${text}`);
    } catch (error) {
      // The connection was refused or broke.
      if (!(error instanceof TypeError)) throw error;
    }
    await delay(POLL_MS);
  }
  return undefined;
}

function rowsOf(csv: string): TakenExport['rows'] {
  const [, ...lines] = csv.trimEnd().split('\r\n');
  return lines.map((line) => {
    const [, position, eventId = '', raw = ''] = /^(\d+),([^,]*)(?:,"(.*)")?$/.exec(line) ?? [];
    return { position: Number(position), eventId, raw: raw.replaceAll('""', '"') };
  });
}

/** It ends at a position: everything before it must be there, once, and nothing else. */
function faultsOf({
  view,
  statement,
  bytes,
  rows,
}: {
  readonly view: View;
  readonly statement: ExportStatement | undefined;
  readonly bytes: Buffer;
  readonly rows: TakenExport['rows'];
}): string[] {
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const positions = new Set(rows.map(({ position }) => position));
  const end = statement?.snapshot.position ?? 0;
  const lost = Array.from({ length: end }, (_, position) => position).filter((one) => !positions.has(one));
  const wrong = (is: boolean, what: string): string[] => (is ? [what] : []);
  return [
    ...wrong(statement === undefined, 'its statement is not signed by the log'),
    ...wrong(sha256 !== view.sha256 || sha256 !== statement?.sha256, `its SHA-256 is ${sha256}`),
    ...wrong(bytes.length !== statement?.bytes, `it has ${bytes.length} bytes`),
    ...wrong(
      rows.length !== statement?.rows || rows.length !== view.progress.rows,
      `it has ${rows.length} rows`,
    ),
    ...wrong(positions.size !== rows.length, `${rows.length - positions.size} rows are there twice`),
    ...wrong(lost.length > 0, `${lost.length} rows are missing: ${lost.slice(0, 5).join(' ')}`),
    ...wrong(positions.size > end, `${positions.size - end} rows are from behind its end`),
  ];
}
