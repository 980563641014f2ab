import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CompactRange } from '#journal/merkle/compact-range';
import { EMPTY_ROOT, leafHash, LeafHasher, nodeHash } from '#journal/merkle/hash';
import {
  consistencyPath,
  inclusionPath,
  rootFromInclusion,
  subtreesOf,
  verifyConsistency,
} from '#journal/merkle/proof';

/** Inputs and roots of certificate-transparency's reference tests for RFC 6962. */
const INPUTS = [
  '',
  '00',
  '10',
  '2021',
  '3031',
  '40414243',
  '5051525354555657',
  '606162636465666768696a6b6c6d6e6f',
].map((hex) => Buffer.from(hex, 'hex'));
const ROOTS = [
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
];

/** The definition of RFC 6962, section 2.1, word for word. */
function definedRoot(inputs: readonly Buffer[]): Buffer {
  const [only] = inputs;
  if (only === undefined) return createHash('sha256').digest();
  if (inputs.length === 1) return leafHash(only);
  let k = 1;
  while (k * 2 < inputs.length) k *= 2;
  return nodeHash(definedRoot(inputs.slice(0, k)), definedRoot(inputs.slice(k)));
}

function leavesOf(inputs: readonly Buffer[]): Buffer {
  return Buffer.concat(inputs.map(leafHash));
}

const inputs = fc.array(
  fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
  { minLength: 1, maxLength: 70 },
);

describe('trees after RFC 6962', () => {
  it('gives the roots of the reference tests', () => {
    const range = new CompactRange();
    expect(range.root().toString('hex')).toBe(EMPTY_ROOT.toString('hex'));
    const roots = INPUTS.map((input) => {
      range.append(leafHash(input));
      return range.root().toString('hex');
    });
    expect(roots).toEqual(ROOTS);
  });

  it('gives the paths of the reference tests', async () => {
    const path = await inclusionPath(5, 8, subtreesOf(leavesOf(INPUTS)));
    expect(path.map((hash) => hash.toString('hex'))).toEqual([
      'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
      'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0',
      'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
    ]);
    const consistency = await consistencyPath(6, 8, subtreesOf(leavesOf(INPUTS)));
    expect(consistency.map((hash) => hash.toString('hex'))).toEqual([
      '0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a',
      'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0',
      'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
    ]);
  });

  it('grows leaf by leaf to what the definition gives', () => {
    fc.assert(
      fc.property(inputs, (list) => {
        const range = new CompactRange();
        const hasher = new LeafHasher();
        const hash = Buffer.alloc(40);
        for (const input of list) {
          hasher.into(input, hash, 8);
          range.append(hash, 8);
        }
        expect(range.clone().root()).toEqual(definedRoot(list));
        expect(range.size).toBe(list.length);
      }),
    );
  });

  it('proves every leaf, and no other leaf, index, size or path', async () => {
    await fc.assert(
      fc.asyncProperty(inputs, fc.nat(), fc.nat(), async (list, pick, change) => {
        const index = pick % list.length;
        const size = list.length;
        const leaf = list[index] ?? Buffer.alloc(0);
        const root = definedRoot(list);
        const path = await inclusionPath(index, size, subtreesOf(leavesOf(list)));
        expect(rootFromInclusion({ leaf, index, size, path })).toEqual(root);
        const proves = (claim: Partial<Parameters<typeof rootFromInclusion>[0]>): boolean =>
          rootFromInclusion({ leaf, index, size, path, ...claim })?.equals(root) ?? false;
        expect(proves({ leaf: Buffer.concat([leaf, Buffer.of(1)]) })).toBe(false);
        expect(proves({ path: [...path, Buffer.alloc(32)] })).toBe(false);
        if (path.length > 0) {
          expect(proves({ path: path.slice(1) })).toBe(false);
          const bent = path.map((hash) => Buffer.from(hash));
          const hash = bent[change % bent.length];
          if (hash !== undefined) hash[change % 32] = (hash[change % 32] ?? 0) ^ 1;
          expect(proves({ path: bent })).toBe(false);
        }
        expect(proves({ index: size })).toBe(false);
        expect(proves({ index: -1 })).toBe(false);
      }),
    );
  });

  it('proves every prefix, and no other', async () => {
    await fc.assert(
      fc.asyncProperty(inputs, fc.nat(), fc.nat(), async (list, pick, change) => {
        const size = list.length;
        const oldSize = 1 + (pick % size);
        const old = { size: oldSize, root: definedRoot(list.slice(0, oldSize)) };
        const now = { size, root: definedRoot(list) };
        const path = await consistencyPath(oldSize, size, subtreesOf(leavesOf(list)));
        expect(verifyConsistency(old, now, path)).toBe(true);
        const other = Buffer.from(old.root);
        other[change % 32] = (other[change % 32] ?? 0) ^ 1;
        expect(verifyConsistency({ size: oldSize, root: other }, now, path)).toBe(false);
        expect(verifyConsistency(old, { size, root: other }, path)).toBe(false);
        expect(verifyConsistency(old, now, [...path, Buffer.alloc(32)])).toBe(false);
        if (path.length > 0) expect(verifyConsistency(old, now, path.slice(0, -1))).toBe(false);
      }),
    );
  });
});
