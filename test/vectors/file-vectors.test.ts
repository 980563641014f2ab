import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { verifyProof } from '#journal/verify-proof';
import { FileKeyProvider } from '#platform/keys';
import { temporaryFolder } from '#test/harness';
import { buildFileVectors, MASTER_KEY } from '#test/vectors/build-file-vectors';
import { buildVectors } from '#test/vectors/build-vectors';

interface Vectors extends Awaited<ReturnType<typeof buildFileVectors>> {
  /** Wrapped once: the nonce is random. */
  readonly wrappedKey: { readonly name: string; readonly key: string; readonly object: string };
}

let folder: string;
let master: FileKeyProvider;
let vectors: Vectors;

beforeAll(async () => {
  folder = await temporaryFolder();
  await writeFile(join(folder, 'master.key'), MASTER_KEY, { mode: 0o600 });
  master = await FileKeyProvider.open(join(folder, 'master.key'));
  const file = new URL('journal-1-files.json', import.meta.url);
  vectors = JSON.parse(await readFile(file, 'utf8')) as Vectors;
});
afterAll(() => rm(folder, { recursive: true }));

describe('the vectors of keys, names, tiles and proofs', () => {
  it('are what this version writes', async () => {
    const built = await buildFileVectors(await buildVectors(), master);
    expect({ ...built, wrappedKey: vectors.wrappedKey }).toEqual(vectors);
  });

  it('hold a wrapped data key that this version unwraps, under its own name alone', async () => {
    const { name, key, object } = vectors.wrappedKey;
    const wrapped = Buffer.from(object, 'hex');
    expect((await master.unwrap(wrapped, name)).toString('hex')).toBe(key);
    await expect(master.unwrap(wrapped, `${name}0`)).rejects.toThrow('another master key');
    const unknown = Buffer.from(wrapped);
    unknown.writeUInt8(9, 0);
    await expect(master.unwrap(unknown, name)).rejects.toThrow('Not a wrapped key of suite 1');
  });

  it('hold a proof that stands', () => {
    const { file, vkey } = vectors.proof;
    expect(verifyProof(file, vkey ?? '')).toMatchObject({ position: 2, size: 5, account: '111122223333' });
    const unknown = file.replace('cairn-proof/1', 'cairn-proof/2');
    expect(() => verifyProof(unknown, vkey ?? '')).toThrow('Not a proof of the format cairn-proof/1');
  });
});
