import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';

/** Milliseconds without a byte after which an answer is given up. */
const STALLED_MS = 15_000;

/**
 * The bytes of an answer, in memory once. Throws when it breaks off, stalls, or is longer or shorter than it
 * said it would be.
 */
export async function readBody(body: unknown, length: number): Promise<Buffer> {
  if (!(body instanceof Readable)) throw new TypeError('S3 answered without a body.');
  const bytes = Buffer.allocUnsafeSlow(length);
  const timer = setTimeout(() => body.destroy(new Error('S3 stopped sending')), STALLED_MS);
  let done = 0;
  try {
    for await (const chunk of body) {
      if (!(chunk instanceof Uint8Array) || done + chunk.length > length) throw lengthError(length);
      bytes.set(chunk, done);
      done += chunk.length;
      timer.refresh();
    }
  } finally {
    clearTimeout(timer);
    body.destroy();
  }
  if (done !== length) throw lengthError(length);
  return bytes;
}

function lengthError(length: number): Error {
  return new Error(`S3 answered with more or less than the ${length} bytes that it said`);
}

/** Compares with what was noted at the put; objects that others put have no note. */
export function hasSha256(bytes: Buffer, noted: string | undefined): boolean {
  return noted === undefined || createHash('sha256').update(bytes).digest('base64') === noted;
}
