import { existsSync } from 'node:fs';
import type { DataLayout } from '#cli/data-folder';
import { DataFolderError } from '#cli/data-folder';
import { openObjectStores } from '#cli/object-stores';
import type { Config } from '#platform/config';
import type { KeyProvider } from '#platform/keys';
import { FileKeyProvider } from '#platform/keys';
import type { KmsPlace } from '#platform/keys-kms';
import type { ObjectReader, ObjectStore } from '#platform/objects/object-store';
import { ServiceUnavailable } from '#platform/service-unavailable';

type KeyConfig = Pick<Config, 'kmsMasterKey' | 'kmsEndpoint' | 's3Region'>;
type KeyLayout = Pick<DataLayout, 'root' | 'masterKey'>;

/** The first key of a log is wrapped before anything else is. */
const SIGNING_KEYS = 'signing/';

/**
 * The master key of an installation, made while nothing was wrapped by one. A lost key is not replaced, nor
 * another one taken: what was recorded before would be unreadable, and nobody would notice.
 * @throws DataFolderError, ServiceUnavailable
 */
export async function openMasterKey(
  config: KeyConfig,
  layout: KeyLayout,
  keyObjects: ObjectStore,
): Promise<KeyProvider> {
  const wrapped = await firstWrapped(keyObjects);
  if (wrapped === undefined) return createMasterKey(config, layout, keyObjects);
  const name = masterKeyName(config, layout);
  const key = await findMasterKey(config, layout, keyObjects);
  if (key === undefined) {
    throw new DataFolderError(
      `${missingName(config, name)} is missing, and nothing of ${layout.root} can be read without it: put your copy back, or set CAIRN_MASTER_KEY as it was.`,
    );
  }
  await key.unwrap(wrapped.bytes, wrapped.path).catch((cause: unknown) => {
    if (cause instanceof ServiceUnavailable) throw cause;
    throw new DataFolderError(
      `${name} is not the master key of this folder (it does not open ${wrapped.path}): put your copy back, or set CAIRN_MASTER_KEY as it was.`,
      { cause },
    );
  });
  return key;
}

/** Undefined when there is none; nothing is made. */
export async function findMasterKey(
  config: KeyConfig,
  layout: KeyLayout,
  keyObjects: Pick<ObjectReader, 'get'>,
): Promise<KeyProvider | undefined> {
  const place = kmsPlace(config);
  if (place === undefined) {
    return existsSync(layout.masterKey) ? FileKeyProvider.open(layout.masterKey) : undefined;
  }
  const { KmsKeyProvider } = await import('#platform/keys-kms');
  return KmsKeyProvider.open(place, keyObjects);
}

/** Opens the master key as a start needs it, or says why it cannot be. */
export async function checkMasterKey(config: Config, layout: DataLayout): Promise<void> {
  const stores = await openObjectStores(config, layout);
  try {
    await openMasterKey(config, layout, stores.keyObjects);
  } finally {
    stores.close();
  }
}

/** For people: the file, or the key of AWS KMS. */
export function masterKeyName(
  { kmsMasterKey }: Pick<Config, 'kmsMasterKey'>,
  layout: Pick<DataLayout, 'masterKey'>,
): string {
  return kmsMasterKey === undefined ? layout.masterKey : `aws-kms:${kmsMasterKey}`;
}

async function createMasterKey(
  config: KeyConfig,
  layout: KeyLayout,
  keyObjects: ObjectStore,
): Promise<KeyProvider> {
  const place = kmsPlace(config);
  if (place === undefined) return FileKeyProvider.openOrCreate(layout.masterKey);
  const { KmsKeyProvider } = await import('#platform/keys-kms');
  return KmsKeyProvider.openOrCreate(place, keyObjects);
}

/** KMS keeps its key; what can be lost is the secret that it wrapped. */
function missingName({ kmsMasterKey }: KeyConfig, name: string): string {
  return kmsMasterKey === undefined ? name : `The wrapped secret of ${name} in the key store`;
}

async function firstWrapped(
  keyObjects: ObjectStore,
): Promise<{ readonly path: string; readonly bytes: Buffer } | undefined> {
  for await (const path of keyObjects.list(SIGNING_KEYS)) {
    const bytes = await keyObjects.get(path);
    if (bytes !== undefined) return { path, bytes };
  }
  return undefined;
}

function kmsPlace({ kmsMasterKey, kmsEndpoint, s3Region }: KeyConfig): KmsPlace | undefined {
  if (kmsMasterKey === undefined) return undefined;
  // An ARN says its region itself.
  const region = /^arn:[^:]*:kms:([^:]+):/.exec(kmsMasterKey)?.[1] ?? s3Region;
  return { keyId: kmsMasterKey, endpoint: kmsEndpoint, region };
}
