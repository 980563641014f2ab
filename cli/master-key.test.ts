import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openMasterKey } from '#cli/master-key';
import { loadConfig } from '#platform/config';
import type { KeyProvider } from '#platform/keys';
import { DiskObjectStore } from '#platform/objects/disk-object-store';

let layout: { root: string; masterKey: string; keys: string };

beforeEach(async () => {
  const root = await mkdtemp(join(tmpdir(), 'cairn-master-key-'));
  layout = { root, masterKey: join(root, 'master.key'), keys: join(root, 'keys') };
  await mkdir(layout.keys);
});

afterEach(() => rm(layout.root, { recursive: true }));

async function open(): Promise<KeyProvider> {
  return openMasterKey(loadConfig({}), layout, await DiskObjectStore.open(layout.keys));
}

async function wrapSigningKey(key: KeyProvider): Promise<void> {
  const path = `signing/${randomBytes(32).toString('hex')}`;
  const store = await DiskObjectStore.open(layout.keys);
  await store.putIfAbsent(path, await key.wrap(randomBytes(32), path));
}

describe('the master key', () => {
  it('is made once, and found again', async () => {
    const made = await open();
    await wrapSigningKey(made);
    const found = await open();
    expect(found.derive('x')).toEqual(made.derive('x'));
  });

  it('is not replaced when it is lost', async () => {
    await wrapSigningKey(await open());
    await rm(layout.masterKey);
    await expect(open()).rejects.toThrow('is missing');
    expect(existsSync(layout.masterKey)).toBe(false);
  });

  it('is refused when it is that of another folder', async () => {
    await wrapSigningKey(await open());
    await writeFile(layout.masterKey, randomBytes(32).toString('hex'));
    await expect(open()).rejects.toThrow('is not the master key of this folder');
  });
});
