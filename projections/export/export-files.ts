import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { CairnError } from '#domain/errors';
import type { ExportPart, ExportRow } from '#projections/export/export-row';
import type { KeyProvider } from '#platform/keys';
import type { ObjectStore } from '#platform/objects/object-store';

interface Stores {
  readonly objects: ObjectStore;
  /** Wrapped keys: never versioned. Keys of exports are in no backup either. */
  readonly keyObjects: ObjectStore;
  readonly keys: Pick<KeyProvider, 'wrap' | 'unwrap'>;
}

type Writing = Pick<ExportRow, 'id' | 'generation'>;

/** Keys of exports in the key store; `journal/verify` and backups know the prefix, too. */
const KEYS = 'export/';
const CIPHER = 'aes-256-gcm';
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/**
 * The files of exports: parts under `exports/<id>/`, each `nonce || ciphertext || tag` under a key of the
 * export's own. Without the key nothing of a file can be read, wherever a copy of its parts may be.
 */
export class ExportFiles {
  readonly #stores: Stores;

  constructor(stores: Stores) {
    this.#stores = stores;
  }

  /** Makes the key of this writing, unless it is there. */
  async createKey(writing: Writing): Promise<Buffer> {
    const { keyObjects, keys } = this.#stores;
    const path = keyPath(writing);
    const key = randomBytes(KEY_BYTES);
    if (await keyObjects.putIfAbsent(path, await keys.wrap(key, path))) return key;
    const there = await this.key(writing);
    if (there === undefined) throw new CairnError('UNAVAILABLE', 'The key of an export went away.');
    return there;
  }

  /** Undefined when it was destroyed. */
  async key(writing: Writing): Promise<Buffer | undefined> {
    const path = keyPath(writing);
    const wrapped = await this.#stores.keyObjects.get(path);
    return wrapped && this.#stores.keys.unwrap(wrapped, path);
  }

  /** Stores a part under a name that no other attempt takes; gives the name. */
  async put(writing: Writing & Pick<ExportRow, 'parts'>, key: Buffer, bytes: Uint8Array): Promise<string> {
    const { id, generation, parts } = writing;
    const number = String(parts).padStart(6, '0');
    const object = `exports/${id}/${generation}-${number}-${randomBytes(6).toString('hex')}`;
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
    cipher.setAAD(Buffer.from(object));
    const text = cipher.update(bytes);
    cipher.final();
    await this.#stores.objects.put(object, Buffer.concat([nonce, text, cipher.getAuthTag()]));
    return object;
  }

  /** A part's bytes; undefined when it is gone. CORRUPT when it was changed. */
  async get({ object, bytes }: ExportPart, key: Buffer): Promise<Buffer | undefined> {
    const stored = await this.#stores.objects.get(object);
    if (stored === undefined) return undefined;
    const decipher = createDecipheriv(CIPHER, key, stored.subarray(0, NONCE_BYTES), {
      authTagLength: TAG_BYTES,
    });
    decipher.setAAD(Buffer.from(object));
    decipher.setAuthTag(stored.subarray(-TAG_BYTES));
    try {
      const clear = decipher.update(stored.subarray(NONCE_BYTES, -TAG_BYTES));
      // A stream cipher has nothing left at the end; it checks the tag.
      decipher.final();
      if (clear.length === bytes) return clear;
    } catch (cause) {
      throw new CairnError('CORRUPT', `${object} was changed.`, { cause });
    }
    throw new CairnError('CORRUPT', `${object} has another length.`);
  }

  /** Removes a part that nobody names. */
  async drop(object: string): Promise<void> {
    await this.#stores.objects.delete(object);
  }

  /**
   * Nothing of the export can be read any more when it resolves, up to and with this writing: keys are gone first,
   * then parts. A later writing, begun meanwhile, is left as it is.
   */
  async destroy({ id, generation }: Writing): Promise<void> {
    const { objects, keyObjects } = this.#stores;
    for (const [store, prefix] of [
      [keyObjects, `${KEYS}${id}/`],
      [objects, `exports/${id}/`],
    ] as const) {
      for (const key of await listed(store, prefix)) {
        if (Number.parseInt(key.slice(prefix.length), 10) <= generation) await store.delete(key);
      }
    }
  }
}

function keyPath({ id, generation }: Writing): string {
  return `${KEYS}${id}/${generation}`;
}

/** At most some thousand parts of one file: CAIRN_EXPORT_ROWS bounds them. */
async function listed(store: ObjectStore, prefix: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const key of store.list(prefix)) keys.push(key);
  return keys;
}
