import { setTimeout } from 'node:timers/promises';
import { z } from 'zod';
import { OpenSearchAway, type OpenSearch } from '#projections/history/opensearch/client';
import type { Document } from '#projections/history/opensearch/documents';
import { takenOver } from '#projections/history/opensearch/state';

/** A document and the alias of the index that it belongs to. */
export interface Sending {
  readonly document: Document;
  readonly alias: string;
}

export interface RefusedDocument {
  readonly document: Document;
  readonly reason: string;
  /** It was taken without its parameters. */
  readonly found: boolean;
}

export interface BulkOptions {
  /** Characters of one request at most; a document that is larger goes alone. */
  readonly maxChars?: number;
  /** Milliseconds before the first repetition when OpenSearch is too busy; doubled each time. */
  readonly firstPause?: number;
}

const MAX_CHARS = 4 * 1_048_576;
const FIRST_PAUSE_MS = 200;
/** The pauses add up to some 25 seconds; the projection stops then and begins again with the slice later. */
const MAX_ATTEMPTS = 8;
const TIMEOUT_MS = 60_000;

const ITEM = z.object({
  status: z.number(),
  error: z.object({ type: z.string(), caused_by: z.object({ type: z.string() }).optional() }).optional(),
});
const ANSWER = z.object({ errors: z.boolean(), items: z.array(z.object({ index: ITEM })) });

/**
 * Sends documents, some MB at a time. What OpenSearch is too busy for (429, 503) is sent again after a pause; a
 * document that it refuses is sent once more without its parameters. The documents that were refused come back
 * with their reasons; anything else that fails throws, and has to be sent again as a whole. What was sent can be
 * found by searches when this returns.
 */
export async function sendBulk(
  openSearch: OpenSearch,
  sendings: readonly Sending[],
  { maxChars = MAX_CHARS, firstPause = FIRST_PAUSE_MS }: BulkOptions = {},
): Promise<readonly RefusedDocument[]> {
  const refused: RefusedDocument[] = [];
  const all = [...batches(sendings, maxChars)];
  // One request for a write of some events; the others' refresh waits until the last is sent.
  const sender: Sender = { openSearch, firstPause, refresh: all.length === 1 };
  for (const batch of all) {
    const answered = await sendUntilTaken(sender, batch.map(whole));
    if (answered.length === 0) continue;
    const smaller = answered.map(({ line }) => reduced(line));
    const again = new Map(
      (await sendUntilTaken(sender, smaller)).map(({ line, reason }) => [line.sending.document.id, reason]),
    );
    for (const { line, reason } of answered) {
      const { document } = line.sending;
      const second = again.get(document.id);
      refused.push({ document, reason: second ?? reason, found: second === undefined });
    }
  }
  const aliases = new Set(sender.refresh ? [] : sendings.map(({ alias }) => alias));
  for (const alias of aliases) await openSearch.request('POST', `/${alias}/_refresh`);
  return refused;
}

interface Sender {
  readonly openSearch: OpenSearch;
  readonly firstPause: number;
  /** Whether each request makes what it brings visible. */
  readonly refresh: boolean;
}

interface Line {
  readonly sending: Sending;
  readonly text: string;
}

interface Answered {
  readonly line: Line;
  readonly reason: string;
}

function whole(sending: Sending): Line {
  return lineOf(sending, sending.document.source);
}

function reduced({ sending }: Line): Line {
  return lineOf(sending, sending.document.reduced());
}

function lineOf(sending: Sending, source: string): Line {
  const action = { index: { _index: sending.alias, _id: sending.document.id } };
  return { sending, text: `${JSON.stringify(action)}\n${source}\n` };
}

function* batches(sendings: readonly Sending[], maxChars: number): Generator<readonly Sending[]> {
  let batch: Sending[] = [];
  let chars = 0;
  for (const sending of sendings) {
    const { length } = sending.document.source;
    if (batch.length > 0 && chars + length > maxChars) {
      yield batch;
      [batch, chars] = [[], 0];
    }
    batch.push(sending);
    chars += length;
  }
  if (batch.length > 0) yield batch;
}

/** The lines that were refused for good. */
async function sendUntilTaken(sender: Sender, lines: readonly Line[]): Promise<readonly Answered[]> {
  const refused: Answered[] = [];
  let left = lines;
  for (let attempt = 1; left.length > 0; attempt += 1) {
    const { busy, answered } = await sendOnce(sender, left);
    refused.push(...answered);
    left = busy;
    if (left.length === 0) break;
    if (attempt === MAX_ATTEMPTS) throw new OpenSearchAway(`It was too busy ${attempt} times in a row.`);
    // Others that were sent away with us should not all come back at once.
    await setTimeout(sender.firstPause * 2 ** (attempt - 1) * (0.5 + Math.random() / 2));
  }
  return refused;
}

async function sendOnce(
  sender: Sender,
  lines: readonly Line[],
): Promise<{ readonly busy: readonly Line[]; readonly answered: readonly Answered[] }> {
  const items = await itemsOf(sender, lines);
  if (items === 'BUSY') return { busy: lines, answered: [] };
  const busy: Line[] = [];
  const answered: Answered[] = [];
  for (const [index, line] of lines.entries()) {
    const item = items[index]?.index;
    if (item === undefined)
      throw new OpenSearchAway('Its answer to a bulk request has fewer items than were sent.');
    const { status, error } = item;
    if (status < 300) continue;
    const type = error?.type ?? `status ${status}`;
    // The alias is gone: with the index, or because another writer has taken over.
    if (status === 404) throw takenOver(new Error(type));
    if (status === 429 || status === 503) busy.push(line);
    else if (status === 400) answered.push({ line, reason: reasonOf(type, error?.caused_by?.type) });
    else throw new OpenSearchAway(`It answers ${status}, ${type}, to a document.`);
  }
  return { busy, answered };
}

/** Only names of kinds of errors: OpenSearch's full reason quotes the document. */
function reasonOf(type: string, cause: string | undefined): string {
  return cause === undefined ? type : `${type}: ${cause}`;
}

async function itemsOf(
  { openSearch, refresh }: Sender,
  lines: readonly Line[],
): Promise<z.infer<typeof ANSWER>['items'] | 'BUSY'> {
  try {
    const answer = await openSearch.request('POST', '/_bulk', {
      query: { refresh, require_alias: true, filter_path: 'errors,items.*.status,items.*.error' },
      lines: lines.map(({ text }) => text).join(''),
      timeout: TIMEOUT_MS,
    });
    return ANSWER.parse(answer).items;
  } catch (error) {
    if (error instanceof OpenSearchAway && error.answer === 429) return 'BUSY';
    throw error;
  }
}
