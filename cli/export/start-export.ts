import { setTimeout as delay } from 'node:timers/promises';
import type { CliContext } from '#cli/cli-context';
import { type CairnClient, PlatformError } from '#cli/client';
import { Progress } from '#cli/output/progress';
import { printable } from '#cli/output/table';
import { CairnError } from '#domain/errors';

/** An export as the platform tells it. */
export interface ExportView {
  readonly id: string;
  readonly state: 'QUEUED' | 'RUNNING' | 'SUCCEEDED' | 'FAILED' | 'CANCELED' | 'EXPIRED' | 'ERASED';
  readonly error: string | null;
  readonly fileName: string;
  readonly sha256: string | null;
  readonly statement: string | null;
  readonly progress: {
    readonly rows: number;
    readonly bytes: number;
    readonly total: number | null;
    readonly share: number | null;
  };
  readonly link: { readonly path: string } | null;
}

const FIELDS = 'id state error fileName sha256 statement progress { rows bytes total share } link { path }';
const FIRST_PAUSE_MS = 100;
const LAST_PAUSE_MS = 2_000;
/** How long a platform may be away. */
const PATIENCE_MS = 300_000;
const PASSING: ReadonlySet<string> = new Set(['UNAVAILABLE', 'TIMEOUT', 'TOO_MANY_REQUESTS']);
const BAR_WIDTH = 24;

export async function startExport(
  client: Pick<CairnClient, 'query'>,
  input: Readonly<Record<string, unknown>>,
): Promise<ExportView> {
  const document = `mutation StartExport($input: StartExportInput!) { startExport(input: $input) { ${FIELDS} } }`;
  return (await client.query<{ startExport: ExportView }>(document, { input })).startExport;
}

/** NOT_FOUND when there is none that the key sees. */
export async function readExport(client: Pick<CairnClient, 'query'>, id: string): Promise<ExportView> {
  const document = `query Export($id: ID!) { export(id: $id) { ${FIELDS} } }`;
  const { export: found } = await client.query<{ export: ExportView | null }>(document, { id });
  if (found === null) throw new CairnError('NOT_FOUND', `There is no export ${id}.`, { path: 'id' });
  return found;
}

/**
 * Asks until it has ended, with growing pauses; shows on a terminal how far it is. A platform that is away, or begins
 * again, is waited for: the export goes on without us.
 */
export async function waitForExport(
  { stderr }: Pick<CliContext, 'stderr'>,
  client: Pick<CairnClient, 'query'>,
  started: ExportView,
  patienceMs = PATIENCE_MS,
): Promise<ExportView> {
  const progress = new Progress(stderr);
  let view = started;
  let lastSeen = Date.now();
  for (let pause = FIRST_PAUSE_MS; view.state === 'QUEUED' || view.state === 'RUNNING'; pause *= 1.5) {
    const shown = view;
    progress.show(() => describe(shown));
    await delay(Math.min(pause, LAST_PAUSE_MS));
    try {
      view = await readExport(client, started.id);
      lastSeen = Date.now();
    } catch (error) {
      if (!isPassing(error) || Date.now() - lastSeen > patienceMs) {
        progress.done();
        if (isPassing(error)) stderr.write(`cairn: go on with: cairn export --id ${started.id}\n`);
        throw error;
      }
    }
  }
  progress.done();
  return view;
}

/** The same question may be answered later; fetch tells an answer that broke off as a TypeError. */
function isPassing(error: unknown): boolean {
  if (error instanceof TypeError) return true;
  return (error instanceof PlatformError || error instanceof CairnError) && PASSING.has(error.code);
}

function describe({ state, progress: { rows, total, share } }: ExportView): string {
  const far = share === null ? '' : ` ${bar(share)} ${Math.floor(share * 100)} %`;
  return printable(`${state.toLowerCase()}${far} ${rows}${total === null ? '' : ` of ${total}`} events`);
}

export function bar(share: number): string {
  const done = Math.round(share * BAR_WIDTH);
  return `[${'#'.repeat(done)}${'.'.repeat(BAR_WIDTH - done)}]`;
}
