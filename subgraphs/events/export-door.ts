import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { CairnError } from '#domain/errors';
import { exportFileName } from '#domain/exports';
import { mayRead, type Principal } from '#domain/principal';
import { readRange, type FileRange } from '#platform/http/file-range';
import type { ExportFiles } from '#projections/export/export-files';
import type { ExportRow } from '#projections/export/export-row';
import { readLinkToken } from '#projections/export/link';
import type { ExportStore } from '#projections/export/store';
import { covers } from '#subgraphs/events/exports';
import { expectedFailure } from '#subgraphs/shared/expected-failure';

export interface ExportDoorParts {
  readonly store: Pick<ExportStore, 'find' | 'parts'>;
  readonly files: Pick<ExportFiles, 'key' | 'get'>;
  readonly linkSecret: Buffer;
  /** Whose key it is; null when it is not good any more. */
  readonly liveKey: (keyId: string) => Promise<Principal | null>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Files that are sent at the same time: each holds a part in memory. 16 unless told. */
  readonly maxAtOnce?: number;
  readonly watch?: DownloadWatch | undefined;
}

/** What the trail of Cairn itself wants to know of files. */
export interface DownloadWatch {
  /** Before a byte is sent; what it throws is the answer. */
  downloaded(row: ExportRow, principal: Principal): Promise<void>;
  refused(): void;
}

export type ExportDoor = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

const MAX_AT_ONCE = 16;
const PATH = /^\/v1\/exports\/([0-9a-f-]{36})\/file$/;

/** `GET /v1/exports/<id>/file?token=...`: the bytes of a file for whoever has a link to it. */
export function createExportDoor(parts: ExportDoorParts): ExportDoor {
  let atWork = 0;
  return async (request, response) => {
    const { row, key, principal } = await opened(parts, request);
    const range = readRange(request.headers, { size: row.bytes, etag: etagOf(row) });
    if (range === 'unsatisfiable') {
      response.setHeader('content-range', `bytes */${row.bytes}`);
      response.writeHead(416).end();
      return;
    }
    if (atWork >= (parts.maxAtOnce ?? MAX_AT_ONCE)) {
      throw new CairnError('TOO_MANY_REQUESTS', 'Too many files are being sent.', { retryAfter: 5 });
    }
    if (request.method !== 'HEAD') await parts.watch?.downloaded(row, principal);
    writeHead(response, row, range);
    if (request.method === 'HEAD') {
      response.end();
      return;
    }
    atWork += 1;
    try {
      await send(response, bytesOf(parts, row, { key, range }));
    } finally {
      atWork -= 1;
    }
  };
}

async function opened(parts: ExportDoorParts, request: IncomingMessage): Promise<OpenedFile> {
  try {
    return await open(parts, request);
  } catch (error) {
    if (error instanceof CairnError && error.code === 'FORBIDDEN') parts.watch?.refused();
    throw expectedFailure(error) ?? error;
  }
}

interface OpenedFile {
  readonly row: ExportRow;
  readonly key: Buffer;
  readonly principal: Principal;
}

/** FORBIDDEN when the link is not, or not any more, good; NOT_FOUND and ERASED when the file is gone. */
async function open(
  { store, files, linkSecret, liveKey, now }: ExportDoorParts,
  request: IncomingMessage,
): Promise<OpenedFile> {
  const url = new URL(request.url ?? '/', 'http://localhost');
  const id = PATH.exec(url.pathname)?.[1];
  if (id === undefined) throw new CairnError('NOT_FOUND', 'There is nothing at this path.');
  const row = await store.find(id);
  const link = row && readLinkToken(linkSecret, row, url.searchParams.get('token') ?? '');
  if (row === undefined || link === undefined)
    throw new CairnError('FORBIDDEN', 'This link leads to no file.');
  if (now() >= link.expiresAt) throw new CairnError('FORBIDDEN', 'This link has expired: ask for a new one.');
  const principal = await liveKey(link.keyId);
  if (principal === null || !mayRead(principal) || !covers(principal, row.scope)) {
    throw new CairnError('FORBIDDEN', 'The key that this link was made for may not have the file any more.');
  }
  if (row.state === 'ERASED') throw new CairnError('ERASED', 'Events in this file were erased.');
  const key = row.state === 'SUCCEEDED' ? await files.key(row) : undefined;
  if (key === undefined) throw new CairnError('NOT_FOUND', 'The file is not there any more.');
  return { row, key, principal };
}

function writeHead(response: ServerResponse, row: ExportRow, range: FileRange): void {
  const { from, to, isWhole } = range;
  response.writeHead(isWhole ? 200 : 206, {
    'content-type': typeOf(row),
    'content-length': to - from,
    'content-disposition': `attachment; filename="${exportFileName(row)}"`,
    'accept-ranges': 'bytes',
    etag: etagOf(row),
    'cache-control': 'private, no-store',
    ...(isWhole ? {} : { 'content-range': `bytes ${from}-${to - 1}/${row.bytes}` }),
  });
}

function etagOf({ sha256 = '' }: ExportRow): string {
  return `"${sha256}"`;
}

function typeOf({ format, compression }: ExportRow): string {
  if (compression === 'GZIP') return 'application/gzip';
  if (compression === 'ZSTD') return 'application/zstd';
  return {
    CSV: 'text/csv; charset=utf-8',
    NDJSON: 'application/x-ndjson',
    JSON: 'application/json',
    CLOUDTRAIL: 'application/json',
  }[format];
}

/** Part by part, each checked before a byte of it goes out. */
async function* bytesOf(
  { store, files }: ExportDoorParts,
  { id }: ExportRow,
  { key, range }: { readonly key: Buffer; readonly range: FileRange },
): AsyncGenerator<Buffer> {
  for (const part of range.to === range.from ? [] : await store.parts(id, range.from)) {
    if (part.start >= range.to) return;
    const bytes = await files.get(part, key);
    if (bytes === undefined) throw new CairnError('NOT_FOUND', 'The file was removed while it was sent.');
    yield bytes.subarray(Math.max(0, range.from - part.start), range.to - part.start);
  }
}

/** No faster than it is taken; a client that leaves is no failure. */
async function send(response: ServerResponse, bytes: AsyncGenerator<Buffer>): Promise<void> {
  try {
    await pipeline(Readable.from(bytes, { objectMode: false, highWaterMark: 1 }), response);
  } catch (error) {
    const hasLeft = error instanceof Error && 'code' in error && error.code === 'ERR_STREAM_PREMATURE_CLOSE';
    if (!hasLeft) throw error;
  }
}
