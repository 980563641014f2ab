import { DecryptCommand, EncryptCommand, KMSClient } from '@aws-sdk/client-kms';
import { hkdfSync, randomBytes } from 'node:crypto';

import { awsClientOptions } from '#platform/aws-client';
import type { AwsPatience, AwsPlace } from '#platform/aws-client';
import { ROOT_SECRET } from '#platform/keys';
import type { KeyProvider } from '#platform/keys';
import type { ObjectReader, ObjectStore } from '#platform/objects/object-store';
import { awsFailure, causeOf, ServiceUnavailable } from '#platform/service-unavailable';

const KEY_BYTES = 32;
/** First byte of a wrapped key: what follows is a ciphertext of AWS KMS (1 is the file's, platform/keys.ts). */
const WRAP_SUITE = 2;
/** Name of the context in KMS; it stands in AWS's own CloudTrail, so nothing secret may be in it. */
const CONTEXT = 'cairn-key';
/** The ciphertext was made by another key, or under another context, or was changed. */
const NOT_OURS = new Set(['InvalidCiphertextException', 'IncorrectKeyException', 'InvalidKeyUsageException']);

/** A wrap is small: what takes longer is away, and senders wait behind it. */
const PATIENCE: AwsPatience = { connectMs: 2_000, tryMs: 3_000, requestMs: 8_000 };

export interface KmsPlace extends AwsPlace {
  /** Id, ARN or alias of a symmetric key. Only what this key wrapped is unwrapped. */
  readonly keyId: string;
}

/** The master key is in AWS KMS and never leaves it. Every wrap and unwrap is a request: callers keep the keys. */
export class KmsKeyProvider implements KeyProvider {
  readonly #keyId: string;
  readonly #client: KMSClient;
  readonly #requestMs: number;
  #root: Buffer | undefined;

  private constructor({ keyId, ...place }: KmsPlace, patience = PATIENCE) {
    this.#keyId = keyId;
    this.#requestMs = patience.requestMs;
    this.#client = new KMSClient(awsClientOptions(place, patience));
  }

  /** Undefined when nothing was ever wrapped for this key store. Reads only. */
  static async open(
    place: KmsPlace,
    keyObjects: Pick<ObjectReader, 'get'>,
    patience = PATIENCE,
  ): Promise<KmsKeyProvider | undefined> {
    const provider = new KmsKeyProvider(place, patience);
    const wrapped = await keyObjects.get(ROOT_SECRET);
    if (wrapped === undefined) {
      provider.close();
      return undefined;
    }
    provider.#root = await provider.unwrap(wrapped, ROOT_SECRET);
    return provider;
  }

  /** Makes the root secret where there is none; of two that make it at once, both end up with the first one's. */
  static async openOrCreate(place: KmsPlace, keyObjects: ObjectStore): Promise<KmsKeyProvider> {
    const found = await KmsKeyProvider.open(place, keyObjects);
    if (found !== undefined) return found;
    const provider = new KmsKeyProvider(place);
    const wrapped = await provider.wrap(randomBytes(KEY_BYTES), ROOT_SECRET);
    await keyObjects.putIfAbsent(ROOT_SECRET, wrapped);
    const first = await keyObjects.get(ROOT_SECRET);
    if (first === undefined) throw new Error(`${ROOT_SECRET} was put into the key store and is not there.`);
    provider.#root = await provider.unwrap(first, ROOT_SECRET);
    return provider;
  }

  async wrap(key: Uint8Array, context: string): Promise<Buffer> {
    if (key.length !== KEY_BYTES) throw new RangeError(`A key has ${KEY_BYTES} bytes, not ${key.length}.`);
    const { CiphertextBlob } = await this.#ask(context, () =>
      this.#client.send(
        new EncryptCommand({
          KeyId: this.#keyId,
          Plaintext: key,
          EncryptionContext: { [CONTEXT]: context },
        }),
        this.#options(),
      ),
    );
    if (CiphertextBlob === undefined) throw new Error('KMS answered without a ciphertext.');
    return Buffer.concat([Buffer.of(WRAP_SUITE), CiphertextBlob]);
  }

  async unwrap(wrapped: Uint8Array, context: string): Promise<Buffer> {
    if (wrapped[0] !== WRAP_SUITE) throw new Error(`Not a wrapped key of suite ${WRAP_SUITE}: ${context}`);
    const { Plaintext } = await this.#ask(context, () =>
      this.#client.send(
        new DecryptCommand({
          KeyId: this.#keyId,
          CiphertextBlob: wrapped.subarray(1),
          EncryptionContext: { [CONTEXT]: context },
        }),
        this.#options(),
      ),
    );
    if (Plaintext?.length !== KEY_BYTES) throw new Error(`The key ${context} has another length.`);
    return Buffer.from(Plaintext);
  }

  derive(label: string): Buffer {
    if (this.#root === undefined) throw new Error('The key provider is not open.');
    return Buffer.from(hkdfSync('sha256', this.#root, '', `cairn/v1/${label}`, KEY_BYTES));
  }

  close(): void {
    this.#client.destroy();
  }

  #options(): { readonly abortSignal: AbortSignal } {
    return { abortSignal: AbortSignal.timeout(this.#requestMs) };
  }

  /** A key that is disabled or denied can be given back: nothing is said to be damaged. */
  async #ask<Answer>(context: string, request: () => Promise<Answer>): Promise<Answer> {
    try {
      return await request();
    } catch (error) {
      const failure = awsFailure(error);
      const cause = causeOf(failure);
      if (NOT_OURS.has(failure.name)) {
        throw new Error(`The key ${context} was changed, or another master key wrapped it.`, { cause });
      }
      if (failure.passing) throw new ServiceUnavailable('KMS', { cause });
      const reason = `KMS does not do it with the key of CAIRN_MASTER_KEY (${failure.name}): it must be enabled, and kms:Encrypt and kms:Decrypt allowed to these credentials.`;
      throw new ServiceUnavailable('KMS', { cause, reason });
    }
  }
}
