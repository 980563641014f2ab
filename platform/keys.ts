import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { link, open, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

import { hasCode, syncFolder } from '#platform/files';

const KEY_BYTES = 32;
/**
 * Where a key service that gives no key away keeps, wrapped, what labels are derived from: in the key store,
 * beside the keys. The file has no need of it.
 */
export const ROOT_SECRET = 'master/root';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** First byte of a wrapped key: AES-256-GCM, nonce of 96 bits, tag of 128 bits after the text. */
const WRAP_SUITE = 1;
const CIPHER = 'aes-256-gcm';

/** Keeps the key that all others hang on. Later implementations ask a KMS, so all but `derive` may wait. */
export interface KeyProvider {
  /** Encrypts a 32-byte key. The context (which key of what) must be the same to unwrap it. */
  wrap(key: Uint8Array, context: string): Promise<Buffer>;
  /** Throws when the bytes were changed, the context is another, or another master key wrapped them. */
  unwrap(wrapped: Uint8Array, context: string): Promise<Buffer>;
  /** 32 bytes for one purpose (HKDF-SHA-256); the same label always gives the same. */
  derive(label: string): Buffer;
}

/** The master key lies in a file: 32 random bytes as hex, mode 0600. */
export class FileKeyProvider implements KeyProvider {
  readonly #master: Buffer;

  private constructor(master: Buffer) {
    this.#master = master;
  }

  /** Opens the file. Refuses one that others can read, or that is no key. */
  static async open(path: string): Promise<FileKeyProvider> {
    return new FileKeyProvider(await readMasterKey(path));
  }

  /** Makes the file; of two that make it at once, both end up with the first one's key. */
  static async openOrCreate(path: string): Promise<FileKeyProvider> {
    try {
      return await FileKeyProvider.open(path);
    } catch (error) {
      if (!hasCode(error, 'ENOENT')) throw error;
    }
    await createMasterKey(path);
    return FileKeyProvider.open(path);
  }

  async wrap(key: Uint8Array, context: string): Promise<Buffer> {
    if (key.length !== KEY_BYTES) throw new RangeError(`A key has ${KEY_BYTES} bytes, not ${key.length}.`);
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(CIPHER, this.derive('wrap'), nonce, { authTagLength: TAG_BYTES });
    cipher.setAAD(Buffer.from(context));
    const text = Buffer.concat([cipher.update(key), cipher.final()]);
    return Buffer.concat([Buffer.of(WRAP_SUITE), nonce, text, cipher.getAuthTag()]);
  }

  async unwrap(wrapped: Uint8Array, context: string): Promise<Buffer> {
    const bytes = Buffer.from(wrapped);
    if (bytes.length !== 1 + NONCE_BYTES + KEY_BYTES + TAG_BYTES || bytes[0] !== WRAP_SUITE) {
      throw new Error(`Not a wrapped key of suite ${WRAP_SUITE}: ${context}`);
    }
    const nonce = bytes.subarray(1, 1 + NONCE_BYTES);
    const decipher = createDecipheriv(CIPHER, this.derive('wrap'), nonce, { authTagLength: TAG_BYTES });
    decipher.setAAD(Buffer.from(context));
    decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
    try {
      return Buffer.concat([decipher.update(bytes.subarray(1 + NONCE_BYTES, -TAG_BYTES)), decipher.final()]);
    } catch (error) {
      throw new Error(`The key ${context} was changed, or another master key wrapped it.`, { cause: error });
    }
  }

  derive(label: string): Buffer {
    return Buffer.from(hkdfSync('sha256', this.#master, '', `cairn/v1/${label}`, KEY_BYTES));
  }
}

async function readMasterKey(path: string): Promise<Buffer> {
  const file = await open(path, 'r');
  try {
    const { mode } = await file.stat();
    if ((mode & 0o077) !== 0) {
      const shown = (mode & 0o777).toString(8).padStart(4, '0');
      throw new Error(
        `Others can read the master key ${path} (mode ${shown}): chmod 600 it, and think about who did.`,
      );
    }
    const text = (await file.readFile('utf8')).trim();
    if (!/^[0-9a-f]{64}$/.test(text)) throw new Error(`${path} holds no master key (64 hexadecimal digits).`);
    return Buffer.from(text, 'hex');
  } finally {
    await file.close();
  }
}

/** Written aside and linked into place: a crash leaves no half key under the name. */
async function createMasterKey(path: string): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  const file = await open(temporary, 'wx', 0o600);
  try {
    await file.writeFile(`${randomBytes(KEY_BYTES).toString('hex')}\n`);
    await file.sync();
    await link(temporary, path);
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error;
  } finally {
    await file.close();
    await rm(temporary, { force: true });
  }
  await syncFolder(dirname(path));
}
