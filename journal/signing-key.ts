import { createPrivateKey, createPublicKey, randomBytes, sign, type KeyObject } from 'node:crypto';
import { CairnError } from '#domain/errors';
import type { KeyProvider } from '#platform/keys';
import type { ObjectStore } from '#platform/objects/object-store';

/** PKCS #8 of an Ed25519 key before its 32-byte seed (RFC 8410). */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');

/** The key that signs a log's checkpoints. */
export interface SigningKey {
  /** Ed25519, 32 bytes. */
  readonly publicKey: Buffer;
  sign(message: Uint8Array): Buffer;
}

/** `signing/<public key, hex>` in the key store; also the context under which the seed is wrapped. */
export function signingKeyPath(publicKey: Buffer): string {
  return `signing/${publicKey.toString('hex')}`;
}

export function signingKeyOf(seed: Buffer): SigningKey {
  const der = Buffer.concat([PKCS8_PREFIX, seed]);
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  return { publicKey: publicKeyOf(key), sign: (message) => sign(null, message, key) };
}

function publicKeyOf(key: KeyObject): Buffer {
  return createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-32);
}

/** Makes a key and keeps it wrapped; it counts from the moment that a key record names it. */
export async function createSigningKey(keyObjects: ObjectStore, keys: KeyProvider): Promise<SigningKey> {
  const seed = randomBytes(32);
  const key = signingKeyOf(seed);
  const path = signingKeyPath(key.publicKey);
  if (!(await keyObjects.putIfAbsent(path, await keys.wrap(seed, path)))) {
    throw new CairnError('CORRUPT', `a random signing key is there already: ${path}`);
  }
  return key;
}

/** CORRUPT when it is not in the store or is another one. */
export async function loadSigningKey(
  keyObjects: ObjectStore,
  keys: KeyProvider,
  publicKey: Buffer,
): Promise<SigningKey> {
  const path = signingKeyPath(publicKey);
  const wrapped = await keyObjects.get(path);
  if (wrapped === undefined) throw new CairnError('CORRUPT', `the log's signing key is missing: ${path}`);
  const key = signingKeyOf(await keys.unwrap(wrapped, path));
  if (!key.publicKey.equals(publicKey)) throw new CairnError('CORRUPT', `${path} holds another key`);
  return key;
}
