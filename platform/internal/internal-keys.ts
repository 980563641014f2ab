import { readFile } from 'node:fs/promises';
import type { InternalKeys } from '#platform/internal/request-signature';
import type { KeyProvider } from '#platform/keys';

const MAX_KEYS = 4;

/** The key of an installation's internal requests, where no other was given. */
export function deriveInternalKeys(keys: Pick<KeyProvider, 'derive'>): InternalKeys {
  return [keys.derive('internal requests')];
}

/**
 * Keys of a file, a line each of 64 hexadecimal digits: the first signs, every one of them verifies. Throws what
 * people must mend.
 */
export async function readInternalKeys(path: string): Promise<InternalKeys> {
  const text = await readFile(path, 'utf8');
  const lines = text.split('\n').flatMap((line) => (line.trim() === '' ? [] : [line.trim()]));
  const [first, ...others] = lines.map((line) => Buffer.from(line, 'hex'));
  if (
    first === undefined ||
    lines.length > MAX_KEYS ||
    !lines.every((line) => /^[0-9a-f]{64}$/i.test(line))
  ) {
    throw new Error(
      `${path} (CAIRN_INTERNAL_KEY) must hold 1 to ${MAX_KEYS} keys, a line each of 64 hexadecimal digits: openssl rand -hex 32.`,
    );
  }
  return [first, ...others];
}
