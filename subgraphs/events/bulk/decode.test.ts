import { brotliCompressSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { CairnError } from '#domain/errors';
import { decode, type DecodeLimits } from '#subgraphs/events/bulk/decode';

const limits: DecodeLimits = { maxBytes: 1 << 24, maxRatio: 100, freeBytes: 1 << 20 };
const text = Array.from({ length: 1200 }, (_, index) => `{"n":${index * 7919}}`).join('\n');

async function* inChunks(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function read(bytes: Buffer, encoding?: string, size = 1000): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of decode(inChunks(bytes, size), encoding, limits)) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return error instanceof CairnError ? error.code : String(error);
}

describe('decode', () => {
  for (const size of [1, 3, 1000, 1 << 20]) {
    it(`reads plain, gzip and zstd bodies in chunks of ${size}`, async () => {
      expect(await read(Buffer.from(text), undefined, size)).toBe(text);
      expect(await read(Buffer.from(text), 'identity', size)).toBe(text);
      expect(await read(gzipSync(text), 'gzip', size)).toBe(text);
      expect(await read(zstdCompressSync(text), 'ZSTD', size)).toBe(text);
    });

    it(`recognises compressed files by their first bytes in chunks of ${size}`, async () => {
      expect(await read(gzipSync(text), undefined, size)).toBe(text);
      expect(await read(zstdCompressSync(text), undefined, size)).toBe(text);
      expect(await read(zstdCompressSync(gzipSync(text)), 'zstd', size)).toBe(text);
    });

    it(`reads every gzip member and every zstd frame in chunks of ${size}`, async () => {
      const halves = [text.slice(0, 5000), text.slice(5000)];
      expect(await read(Buffer.concat(halves.map((half) => gzipSync(half))), 'gzip', size)).toBe(text);
      const frames = Buffer.concat(halves.map((half) => zstdCompressSync(half)));
      expect(await read(frames, 'zstd', size)).toBe(text);
    });
  }

  it('reads an empty body', async () => {
    expect(await read(Buffer.alloc(0))).toBe('');
    expect(await read(gzipSync(''), 'gzip')).toBe('');
    expect(await read(zstdCompressSync(''), 'zstd')).toBe('');
  });

  it('refuses damaged bodies, at whatever byte they are cut', async () => {
    for (const [encoding, whole] of [
      ['gzip', gzipSync(text)],
      ['zstd', zstdCompressSync(text)],
    ] as const) {
      for (const length of [5, 11, Math.floor(whole.length / 2), whole.length - 1]) {
        expect(await codeOf(read(whole.subarray(0, length), encoding))).toBe('INVALID_ARGUMENT');
      }
      const trailing = Buffer.concat([whole, Buffer.from('not compressed')]);
      expect(await codeOf(read(trailing, encoding))).toBe('INVALID_ARGUMENT');
      expect(await codeOf(read(Buffer.from(text), encoding))).toBe('INVALID_ARGUMENT');
    }
  });

  it('refuses what it cannot read', async () => {
    expect(await codeOf(read(brotliCompressSync(text), 'br'))).toBe('UNSUPPORTED_MEDIA_TYPE');
    expect(await codeOf(read(gzipSync(text), 'gzip, gzip'))).toBe('UNSUPPORTED_MEDIA_TYPE');
  });

  it('stops at a zip bomb and at a body without end', async () => {
    const bomb = Buffer.alloc(1 << 25);
    expect(await codeOf(read(gzipSync(bomb), 'gzip'))).toBe('BODY_TOO_LARGE');
    expect(await codeOf(read(zstdCompressSync(bomb), 'zstd'))).toBe('BODY_TOO_LARGE');
    expect(await codeOf(read(gzipSync(gzipSync(bomb)), 'gzip'))).toBe('BODY_TOO_LARGE');
    expect(await codeOf(read(bomb, undefined, 1 << 16))).toBe('BODY_TOO_LARGE');
  });

  it('lets go of its source when the reader stops', async () => {
    for (const body of [Buffer.from(text), gzipSync(text), zstdCompressSync(text)]) {
      let released = false;
      async function* source(): AsyncGenerator<Buffer> {
        try {
          for (;;) yield body;
        } finally {
          released = true;
        }
      }
      const reader = decode(source(), undefined, limits);
      await reader.next();
      await reader.return(undefined);
      await expect.poll(() => released).toBe(true);
    }
  });

  it('hands on the failure of its source', async () => {
    async function* failing(): AsyncGenerator<Buffer> {
      yield gzipSync(text).subarray(0, 100);
      throw new Error('connection lost');
    }
    await expect(Array.fromAsync(decode(failing(), 'gzip', limits))).rejects.toThrow('connection lost');
  });
});
