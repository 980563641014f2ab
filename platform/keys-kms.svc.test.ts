import { CreateKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, expect, onTestFinished, test } from 'vitest';

import { awsClientOptions } from '#platform/aws-client';
import { FileKeyProvider, ROOT_SECRET } from '#platform/keys';
import { KmsKeyProvider } from '#platform/keys-kms';
import type { KmsPlace } from '#platform/keys-kms';
import { describeKeyProvider } from '#platform/keys.contract';
import { MemoryObjects } from '#test/memory-objects';
import { useTestCredentials } from '#test/s3-bed';
import { services } from '#test/services';
import { tamperingProxy } from '#test/tampering-proxy';

let client: KMSClient;
beforeAll(() => {
  useTestCredentials();
  client = new KMSClient(awsClientOptions({ ...services().moto, region: undefined }));
});

async function newKey(): Promise<KmsPlace> {
  const { KeyMetadata } = await client.send(new CreateKeyCommand({}));
  return { keyId: KeyMetadata?.KeyId ?? '', endpoint: services().moto.endpoint, region: undefined };
}

describeKeyProvider('AWS KMS (moto)', async () => {
  const [key, other] = [await newKey(), await newKey()];
  const store = new MemoryObjects();
  return {
    open: () => KmsKeyProvider.openOrCreate(key, store),
    other: () => KmsKeyProvider.openOrCreate(other, new MemoryObjects()),
  };
});

test('the secret that labels come from lies wrapped beside the keys, and is never made twice', async () => {
  const [key, store] = [await newKey(), new MemoryObjects()];
  expect(await KmsKeyProvider.open(key, store)).toBeUndefined();
  expect([...store.objects.keys()]).toEqual([]);
  const keys = await KmsKeyProvider.openOrCreate(key, store);
  expect([...store.objects.keys()]).toEqual([ROOT_SECRET]);
  const found = await KmsKeyProvider.open(key, store);
  expect(found?.derive('x')).toEqual(keys.derive('x'));
  await expect(KmsKeyProvider.openOrCreate(await newKey(), store)).rejects.toThrow();
});

test.each([
  ['DisabledException', { name: 'ServiceUnavailable', message: expect.stringContaining('must be enabled') }],
  ['AccessDeniedException', { name: 'ServiceUnavailable', message: expect.stringContaining('kms:Decrypt') }],
  ['ThrottlingException', { name: 'ServiceUnavailable', message: expect.stringContaining('in time') }],
  ['IncorrectKeyException', { name: 'Error', message: expect.stringContaining('another master key') }],
])('what KMS answers with %s says whether the key is damaged', async (type, said) => {
  const [key, store] = [await newKey(), new MemoryObjects()];
  await KmsKeyProvider.openOrCreate(key, store);
  const text = JSON.stringify({ __type: type, message: 'no' });
  await using proxy = await tamperingProxy(key.endpoint ?? '', () => ({ text }));
  await expect(KmsKeyProvider.open({ ...key, endpoint: proxy.endpoint }, store)).rejects.toMatchObject(said);
});

test('a KMS that is away, slow or overloaded is unavailable', async () => {
  const [key, store] = [await newKey(), new MemoryObjects()];
  await KmsKeyProvider.openOrCreate(key, store);
  const patience = { connectMs: 500, tryMs: 200, requestMs: 600 };
  let fate: 'mute' | 503 = 503;
  await using proxy = await tamperingProxy(key.endpoint ?? '', () => fate);
  const away = { ...key, endpoint: proxy.endpoint };
  await expect(KmsKeyProvider.open(away, store, patience)).rejects.toThrow('KMS cannot be reached');
  fate = 'mute';
  await expect(KmsKeyProvider.open(away, store, patience)).rejects.toThrow('KMS cannot be reached');
  await proxy[Symbol.asyncDispose]();
  await expect(KmsKeyProvider.open(away, store, patience)).rejects.toMatchObject({ service: 'KMS' });
});

test('neither provider takes what the other has wrapped', async () => {
  const keys = await KmsKeyProvider.openOrCreate(await newKey(), new MemoryObjects());
  const folder = await mkdtemp(join(tmpdir(), 'cairn-keys-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = await FileKeyProvider.openOrCreate(join(folder, 'master.key'));
  const key = randomBytes(32);
  await expect(file.unwrap(await keys.wrap(key, 'k'), 'k')).rejects.toThrow('Not a wrapped key of suite 1');
  await expect(keys.unwrap(await file.wrap(key, 'k'), 'k')).rejects.toThrow('Not a wrapped key of suite 2');
});
