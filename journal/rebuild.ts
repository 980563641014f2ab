import { uuidBytes } from '#journal/format/uuid';
import { insertDataKeys, type KnownDataKey } from '#journal/store/replay-store';
import type { SealSession } from '#journal/store/seal-store';
import type { ObjectStore } from '#platform/objects/object-store';

const ROWS_AT_ONCE = 5_000;

/** `<account>/<YYYY-MM>/<key id>`; undefined for signing keys and what else may lie there. */
export function parseDataKeyObject(key: string): KnownDataKey | undefined {
  const match = /^(\d{12})\/(\d{4})-(0[1-9]|1[0-2])\/([0-9a-f-]{36})$/.exec(key);
  const id = uuidBytes(match?.[4] ?? '');
  if (match === null || id === undefined) return undefined;
  const month = (Number(match[2]) - 1970) * 12 + Number(match[3]) - 1;
  return { id, account: Number(match[1]), month };
}

/** Gives the data keys that lie in the key store their rows; those that are there, destroyed ones too, stay. */
export async function registerStoredKeys(keyObjects: ObjectStore, session: SealSession): Promise<void> {
  let keys: KnownDataKey[] = [];
  for await (const name of keyObjects.list('')) {
    const key = parseDataKeyObject(name);
    if (key === undefined) continue;
    keys.push(key);
    if (keys.length < ROWS_AT_ONCE) continue;
    await insertDataKeys(session.client, keys);
    keys = [];
  }
  await insertDataKeys(session.client, keys);
}
