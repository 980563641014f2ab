import { dataKeyObject } from '#journal/data-keys';
import { VerifyStore } from '#journal/store/verify-store';
import type { PoolClient } from '#platform/db';
import type { ObjectReader, ObjectStore } from '#platform/objects/object-store';

/** Keys of exports are in no backup, as their files are not: what was removed stays unreadable. */
const OF_EXPORTS = 'export/';

/** Copies the wrapped keys that are not there yet; how many. */
export async function copyNewKeys(from: ObjectReader, to: ObjectStore, prefix = ''): Promise<number> {
  let copied = 0;
  for await (const key of from.list(prefix)) {
    if (key.startsWith(OF_EXPORTS) || (await to.size(key)) !== undefined) continue;
    const wrapped = await from.get(key);
    // Erased since it was listed.
    if (wrapped === undefined) continue;
    await to.put(key, wrapped);
    copied++;
  }
  return copied;
}

export interface KeyState {
  readonly copied: number;
  /** Keys that are alive in the rows and lie nowhere. */
  readonly lost: readonly string[];
  /** Keys in the backup that are destroyed in the rows. */
  readonly erased: readonly string[];
}

/** Holds the copied keys against the rows of a snapshot, and copies those that came in between. */
export async function matchKeys(client: PoolClient, from: ObjectReader, to: ObjectStore): Promise<KeyState> {
  let copied = await copyNewKeys(from, to, 'signing/');
  const lost: string[] = [];
  const erased: string[] = [];
  for await (const { name, destroyed } of dataKeyNames(client)) {
    const there = (await to.size(name)) !== undefined;
    if (destroyed && there) erased.push(name);
    if (destroyed || there) continue;
    const wrapped = await from.get(name);
    if (wrapped === undefined) lost.push(name);
    else {
      await to.put(name, wrapped);
      copied++;
    }
  }
  return { copied, lost, erased };
}

/** Deletes the keys that the rows call destroyed from a key store that was put back; how many there were. */
export async function deleteDestroyedKeys(client: PoolClient, keys: ObjectStore): Promise<number> {
  let deleted = 0;
  for await (const { name, destroyed } of dataKeyNames(client)) {
    if (!destroyed || (await keys.size(name)) === undefined) continue;
    await keys.delete(name);
    deleted++;
  }
  return deleted;
}

async function* dataKeyNames(
  client: PoolClient,
): AsyncGenerator<{ readonly name: string; readonly destroyed: boolean }> {
  const store = new VerifyStore(client);
  for (let after = Buffer.alloc(16); ;) {
    const page = await store.dataKeys(after);
    for (const key of page) yield { name: dataKeyObject(key), destroyed: key.destroyed };
    const last = page.at(-1);
    if (last === undefined) return;
    after = Buffer.from(last.id);
  }
}
