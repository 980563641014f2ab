import { Readable } from 'node:stream';
import { constants, createGunzip, createZstdDecompress, type ZstdDecompress } from 'node:zlib';
import { CairnError } from '#domain/errors';

export interface DecodeLimits {
  /** Bytes of a whole body after decompression. */
  readonly maxBytes: number;
  /** How many times larger than what was sent a body may become, once it is larger than `freeBytes`. */
  readonly maxRatio: number;
  readonly freeBytes: number;
}

type Bytes = AsyncIterable<Buffer>;
type Coding = 'gzip' | 'zstd';

const MAGIC: readonly (readonly [Coding, Buffer])[] = [
  ['gzip', Buffer.from([0x1f, 0x8b, 0x08])],
  ['zstd', Buffer.from([0x28, 0xb5, 0x2f, 0xfd])],
];
const LONGEST_MAGIC = 4;
const OUTPUT = { chunkSize: 1 << 18 };
/** RFC 8878, 3.1.1.1.2: decoders should support windows of 8 MB; larger ones would cost that much memory each. */
const ZSTD = { ...OUTPUT, params: { [constants.ZSTD_d_windowLogMax]: 23 } };

/**
 * A body as its text: decompressed as Content-Encoding says and, because files are often sent as they lie on
 * disk, once more when it begins like gzip or zstd. UNSUPPORTED_MEDIA_TYPE for other codings, INVALID_ARGUMENT
 * for broken ones, BODY_TOO_LARGE above a limit.
 */
export async function* decode(
  source: Bytes,
  encoding: string | undefined,
  limits: DecodeLimits,
): AsyncGenerator<Buffer> {
  const sent = { bytes: 0 };
  let body: Bytes = count(source, sent);
  const declared = codingOf(encoding);
  if (declared !== undefined) body = decompress(body, declared);
  const { start, rest } = await peek(body);
  const found = MAGIC.find(([, magic]) => start.subarray(0, magic.length).equals(magic));
  yield* checkSize(found === undefined ? rest : decompress(rest, found[0]), sent, limits);
}

function codingOf(encoding: string | undefined): Coding | undefined {
  switch (encoding?.trim().toLowerCase() ?? '') {
    case '':
    case 'identity':
      return undefined;
    case 'gzip':
    case 'x-gzip':
      return 'gzip';
    case 'zstd':
      return 'zstd';
    default:
      throw new CairnError('UNSUPPORTED_MEDIA_TYPE', 'Content-Encoding must be gzip, zstd or identity.', {
        path: 'Content-Encoding',
      });
  }
}

async function* count(source: Bytes, sent: { bytes: number }): AsyncGenerator<Buffer> {
  for await (const chunk of source) {
    sent.bytes += chunk.length;
    yield chunk;
  }
}

async function* checkSize(
  body: Bytes,
  sent: { bytes: number },
  limits: DecodeLimits,
): AsyncGenerator<Buffer> {
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > limits.maxBytes) {
      throw new CairnError('BODY_TOO_LARGE', `The body has more than ${limits.maxBytes} bytes.`);
    }
    if (bytes > limits.freeBytes && bytes > sent.bytes * limits.maxRatio) {
      throw new CairnError(
        'BODY_TOO_LARGE',
        `The body grows to more than ${limits.maxRatio} times what was sent.`,
      );
    }
    yield chunk;
  }
}

async function peek(body: Bytes): Promise<{ start: Buffer; rest: Bytes }> {
  const iterator = body[Symbol.asyncIterator]();
  let start: Buffer = Buffer.alloc(0);
  while (start.length < LONGEST_MAGIC) {
    const next = await iterator.next();
    if (next.done === true) break;
    start = start.length === 0 ? next.value : Buffer.concat([start, next.value]);
  }
  return { start, rest: resume(start, iterator) };
}

async function* resume(start: Buffer, iterator: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  try {
    yield start;
    for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) yield next.value;
  } finally {
    await iterator.return?.();
  }
}

async function* decompress(source: Bytes, coding: Coding): AsyncGenerator<Buffer> {
  try {
    yield* coding === 'gzip' ? gunzip(source) : unzstd(source);
  } catch (error) {
    const isDamage = error instanceof Error && 'code' in error && /^(Z_|ZSTD_)/.test(String(error.code));
    if (!isDamage) throw error;
    throw new CairnError('INVALID_ARGUMENT', `The body is not whole ${coding}.`, {
      path: 'body',
      cause: error,
    });
  }
}

async function* gunzip(source: Bytes): AsyncGenerator<Buffer> {
  const input = Readable.from(source, { objectMode: false });
  const output = createGunzip(OUTPUT);
  input.once('error', (error) => output.destroy(error));
  try {
    yield* input.pipe(output) as Bytes;
  } finally {
    input.destroy();
  }
}

/** Node's zstd stream ends with the first frame and drops what follows: each frame gets a stream of its own. */
async function* unzstd(source: Bytes): AsyncGenerator<Buffer> {
  const input = source[Symbol.asyncIterator]();
  try {
    let next = await input.next();
    while (next.done !== true) {
      const frame = createZstdDecompress(ZSTD);
      const fed = feedFrame(frame, next.value, input);
      fed.catch((error: unknown) => frame.destroy(error instanceof Error ? error : new Error(String(error))));
      yield* frame as Bytes;
      next = await fed;
    }
  } finally {
    await input.return?.();
  }
}

/** Writes until the frame is complete; answers with what comes after it. */
async function feedFrame(
  frame: ZstdDecompress,
  first: Buffer,
  input: AsyncIterator<Buffer>,
): Promise<IteratorResult<Buffer, undefined>> {
  let written = 0;
  for (let chunk = first; ;) {
    await write(frame, chunk);
    written += chunk.length;
    const left = written - frame.bytesWritten;
    if (left > 0) return { done: false, value: chunk.subarray(chunk.length - left) };
    const next = await input.next();
    if (next.done === true) {
      frame.end();
      return { done: true, value: undefined };
    }
    chunk = next.value;
  }
}

function write(frame: ZstdDecompress, chunk: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    frame.write(chunk, (error) => {
      if (error) reject(error);
      else resolve();
    });
  });
}
