import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { openFrame } from '#journal/format/frame';
import { buildVectors } from '#test/vectors/build-vectors';

interface Vectors extends Awaited<ReturnType<typeof buildVectors>> {
  /** Written once: another zstd may compress otherwise, but must read it. */
  readonly compressedFrame: {
    readonly account: string;
    readonly key: string;
    readonly events: string[];
    readonly stored: string;
  };
}

async function committed(): Promise<Vectors> {
  const file = new URL('journal-1.json', import.meta.url);
  const vectors: Vectors = JSON.parse(await readFile(file, 'utf8'));
  return vectors;
}

describe('the vectors of format 1', () => {
  it('are what this version writes', async () => {
    const vectors = await committed();
    expect({ ...(await buildVectors()), compressedFrame: vectors.compressedFrame }).toEqual(vectors);
  });

  it('hold a compressed frame that this version reads', async () => {
    const { compressedFrame: frame, log } = await committed();
    const stored = Buffer.from(frame.stored, 'hex');
    expect(stored.readUInt8(3)).toBe(1);
    const owner = { log: Buffer.from(log.replaceAll('-', ''), 'hex'), account: Number(frame.account) };
    const open = openFrame(stored, owner, {
      id: stored.subarray(8, 24),
      secret: Buffer.from(frame.key, 'hex'),
    });
    const events = Array.from({ length: open.count }, (_, index) => open.event(index).toString());
    expect(events).toEqual(frame.events);
  });
});
