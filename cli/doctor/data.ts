import { stat } from 'node:fs/promises';

import type { DataLayout } from '#cli/data-folder';
import { checkVersion } from '#cli/data-folder';
import type { Finding } from '#cli/doctor/finding';
import { ok, reasonOf, trouble, warning } from '#cli/doctor/finding';
import { lockHolder } from '#cli/folder-lock';
import { findMasterKey, masterKeyName } from '#cli/master-key';
import type { ObjectPlace } from '#cli/object-places';
import { objectPlaces, placeName } from '#cli/object-places';
import { openObjectReaders } from '#cli/object-stores';
import type { ObjectReaders } from '#cli/object-stores';
import type { Config } from '#platform/config';
import { createPool } from '#platform/db';
import { hasCode } from '#platform/files';
import type { ObjectReader } from '#platform/objects/object-store';
import { isAlive, readPostmaster } from '#platform/postgres/postmaster';
import { runningPostgresUrl } from '#platform/postgres/start-postgres';

/** Enough to meet a bad disk or wrong owners without reading a large store; `verify` reads all of it. */
const SAMPLE = 1_000;
const OLDEST_POSTGRES = 150_000;
const LOST_KEY = 'Put your copy back. Do not start without it: a new key cannot read what is there.';

export interface DataReport {
  /** Whether a platform runs on the folder. */
  readonly running: boolean;
  readonly findings: readonly Finding[];
}

/** The state of a data folder; nothing in it is changed. */
export async function examineData(config: Config, layout: DataLayout): Promise<DataReport> {
  const version = await versionOf(layout);
  if (version.state === 'trouble' || (await isMissing(layout.versionFile))) {
    const others = config.postgresUrl === undefined ? [] : [await database(config.postgresUrl)];
    return { running: false, findings: [version, ...others] };
  }
  const holder = await lockHolder(layout.root);
  const places = objectPlaces(config, layout);
  const readers = await openObjectReaders(config, layout);
  const findings = [
    version,
    lock(holder),
    await modes(layout),
    await masterKey(config, layout, readers),
    config.postgresUrl === undefined
      ? await embeddedPostgres(layout, holder !== 'free')
      : await database(config.postgresUrl),
    await objects('objects', places.objects, readers.objects),
    await objects('data keys', places.keys, readers.keyObjects),
    await anchor(layout, places.anchor, readers.anchor),
  ];
  return { running: holder !== 'free', findings };
}

async function versionOf(layout: DataLayout): Promise<Finding> {
  try {
    const version = await checkVersion(layout.root);
    if (version === undefined) return ok('data folder', `${layout.root} is new: the first start makes it`);
    return ok(
      'data folder',
      `${layout.root}, format ${version.format}, installation ${version.installation}`,
    );
  } catch (error) {
    return trouble(
      'data folder',
      reasonOf(error),
      'Name another folder with --data, or use the release that made it.',
    );
  }
}

function lock(holder: Awaited<ReturnType<typeof lockHolder>>): Finding {
  if (holder === 'free') return ok('running', 'no process uses the folder');
  return ok(
    'running',
    holder === 'unknown' ? 'a process uses the folder' : `process ${holder} uses the folder`,
  );
}

async function modes(layout: DataLayout): Promise<Finding> {
  const { mode } = await stat(layout.root);
  const shown = (mode & 0o777).toString(8);
  if ((mode & 0o067) === 0) return ok('access', `mode ${shown}`);
  return warning(
    'access',
    `mode ${shown}: other users can look in`,
    `chmod 700 ${layout.root}; the next start does it too.`,
  );
}

async function masterKey(
  config: Config,
  layout: DataLayout,
  { keyObjects }: ObjectReaders,
): Promise<Finding> {
  const name = masterKeyName(config, layout);
  try {
    if ((await findMasterKey(config, layout, keyObjects)) === undefined) {
      return trouble('master key', `${name} is missing`, LOST_KEY);
    }
    if (config.kmsMasterKey !== undefined) return ok('master key', `${name} opens what it wrapped`);
    return ok('master key', `${name}: keep a copy elsewhere, without it nothing can be read`);
  } catch (error) {
    return trouble(
      'master key',
      reasonOf(error),
      'Mend what the message names; if others could read a key, move to a new installation.',
    );
  }
}

async function embeddedPostgres(layout: DataLayout, running: boolean): Promise<Finding> {
  if (await isMissing(layout.postgres)) return ok('PostgreSQL', 'the first start makes it');
  if ((await runningPostgresUrl(layout.root)) !== undefined) {
    if (running) return ok('PostgreSQL', 'answers');
    return warning('PostgreSQL', 'runs without a supervisor, after a crash', 'npm start takes it over.');
  }
  const left = await readPostmaster(layout.postgres);
  if (running)
    return trouble('PostgreSQL', 'does not answer', 'Read the lines of npm start; stop and start it again.');
  if (left === undefined || !isAlive(left.pid)) return ok('PostgreSQL', 'stopped');
  return warning(
    'PostgreSQL',
    `process ${left.pid} runs and does not answer`,
    'npm start ends it, or takes it over.',
  );
}

async function database(url: string): Promise<Finding> {
  const pool = createPool(url, { max: 1, name: 'cairn-doctor' });
  try {
    const { rows } = await pool.query<{ number: string; version: string }>(
      `SELECT current_setting('server_version_num') AS number, current_setting('server_version') AS version`,
    );
    const found = `PostgreSQL ${rows[0]?.version ?? '?'}`;
    if (Number(rows[0]?.number) >= OLDEST_POSTGRES) return ok('PostgreSQL', found);
    return trouble('PostgreSQL', found, 'Cairn needs PostgreSQL 15 or newer.');
  } catch (error) {
    return trouble(
      'PostgreSQL',
      reasonOf(error),
      'Check CAIRN_POSTGRES_URL, and that this machine may connect.',
    );
  } finally {
    await pool.end();
  }
}

/** Reads the beginning of each of the first objects: wrong owners, rights and bad disks show there. */
async function objects(check: string, place: ObjectPlace, store: ObjectReader): Promise<Finding> {
  if ('folder' in place && (await isMissing(place.folder)))
    return trouble(
      check,
      `${place.folder} is missing`,
      'Put it back from your backup, then run ./cairn verify.',
    );
  const where = 'folder' in place ? '' : ` in ${placeName(place)}`;
  let count = 0;
  try {
    for await (const key of store.list('')) {
      await store.get(key, { offset: 0, length: 1 });
      if ((count += 1) === SAMPLE) break;
    }
    return ok(
      check,
      `${count === SAMPLE ? `the first ${SAMPLE} can be read` : `${count}, all readable`}${where}`,
    );
  } catch (error) {
    const advice =
      'folder' in place
        ? 'Check owners, modes and the disk, then run ./cairn verify.'
        : 'Check the variables CAIRN_S3_..., the bucket and its policy.';
    return trouble(check, reasonOf(error), advice);
  }
}

async function anchor(
  layout: DataLayout,
  place: ObjectPlace,
  store: ObjectReader | undefined,
): Promise<Finding> {
  try {
    let count = 0;
    for await (const _ of store?.list('') ?? []) count++;
    const found = `${count} files in ${placeName(place)}`;
    if (!('folder' in place)) return ok('anchor', found);
    const [here, there] = [await stat(layout.root), await stat(place.folder)];
    const disk = here.dev === there.dev ? ', on the disk of the data: CAIRN_ANCHOR can name another' : '';
    return ok('anchor', `${found}${disk}`);
  } catch (error) {
    return trouble(
      'anchor',
      reasonOf(error),
      'Put it back or make it reachable: without it nobody sees when the end of the log is cut off.',
    );
  }
}

async function isMissing(path: string): Promise<boolean> {
  try {
    await stat(path);
    return false;
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return true;
    throw error;
  }
}
