import { rmSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { isAlive } from './processes.mjs';
import { download, findProgram, installedOnce, isRoot, run, say, ServicesError } from './programs.mjs';

/** Debian's way to forbid its packages to start their services; 101 = not allowed (policy-rc.d). */
const POLICY = '/usr/sbin/policy-rc.d';
/** Before the pid in the policies that we write. */
const MARK = '# written by infra/local of Cairn while it installs, process ';
const QUIET = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
const WAIT = ['-o', 'DPkg::Lock::Timeout=300'];

/**
 * The folder below which a Debian package's files lie: `/` when root could install it, else a folder of the
 * cache into which it and what it needs were unpacked.
 */
export async function debianPackage(cache, name, hint) {
  const apt = findProgram('apt-get');
  if (apt === undefined) {
    throw new ServicesError(`${name} is not here and this system has no apt-get: ${hint}`);
  }
  try {
    if (isRoot()) {
      say(`installing ${name} (apt-get install) ...`);
      await oneAtATime(() => withoutStartingServices(() => installAsRoot(apt, name)));
      return '/';
    }
    return await installedOnce(join(cache, `debian-${name}`), (folder) => unpack(apt, name, folder));
  } catch (error) {
    throw new ServicesError(`${name} could not be installed; ${hint}\n${error.message}`);
  }
}

/** The packages of that name's pattern (apt's regular expressions) that this release of the system has. */
export async function offeredPackages(pattern) {
  const [apt, search] = [findProgram('apt-get'), findProgram('apt-cache')];
  if (apt === undefined || search === undefined) return [];
  const look = async () => {
    const found = await run(search, ['search', '--names-only', pattern], { env: QUIET });
    return [...found.matchAll(/^(\S+) - /gm)].map(([, name]) => name);
  };
  const found = await look();
  if (found.length > 0 || !isRoot()) return found;
  // A bare image comes without lists.
  await oneAtATime(() => download(apt, [...WAIT, 'update', '-q'], { env: QUIET }));
  return look();
}

async function installAsRoot(apt, name) {
  const install = ['install', '-y', '-q', '--no-install-recommends', name];
  // Apart from the installing, which must not be broken off.
  const fetchFiles = [...WAIT, ...install, '--download-only'];
  try {
    await run(apt, fetchFiles, { env: QUIET });
  } catch {
    // No lists yet, or lists that name files which are gone: fetch them, and let the second failure count.
    await download(apt, [...WAIT, 'update', '-q'], { env: QUIET });
    await download(apt, fetchFiles, { env: QUIET });
  }
  await run(apt, [...WAIT, ...install], { env: QUIET });
}

let last = Promise.resolve();

/** Services come up at once, and dpkg does one thing at a time. */
function oneAtATime(work) {
  const done = last.then(work);
  last = done.catch(() => undefined);
  return done;
}

async function withoutStartingServices(work) {
  const remove = () => rmSync(POLICY, { force: true });
  if (!(await writePolicy())) return work();
  // Also when a signal ends us in the middle: the system's services must start again after us.
  process.once('exit', remove);
  try {
    await work();
  } finally {
    remove();
    process.off('exit', remove);
  }
}

/** Answers false where the system has a policy of its own. One of ours whose process was killed is removed. */
async function writePolicy() {
  for (let looks = 0; ; looks += 1) {
    try {
      const text = `#!/bin/sh\n${MARK}${process.pid}\nexit 101\n`;
      await writeFile(POLICY, text, { mode: 0o755, flag: 'wx' });
      return true;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    const found = await readFile(POLICY, 'utf8').catch(() => '');
    const [, holder] = found.split(MARK);
    // Empty = it is just being written, or somebody's own.
    if (holder === undefined && (found !== '' || looks > 50)) return false;
    if (holder !== undefined && !isAlive(Number.parseInt(holder, 10))) rmSync(POLICY, { force: true });
    else await delay(200);
  }
}

/** What the system has already is not fetched again; lists must be there, because only root can fetch them. */
async function unpack(apt, name, folder) {
  say(`unpacking ${name} (apt-get download, no root) ...`);
  const plan = await run(apt, ['-s', '-q', 'install', '--no-install-recommends', name], { env: QUIET });
  const packages = [...plan.matchAll(/^Inst (\S+)/gm)].map(([, wanted]) => wanted);
  const downloads = join(folder, 'downloads');
  await mkdir(downloads, { recursive: true });
  await download(apt, ['-q', 'download', ...new Set([name, ...packages])], { cwd: downloads, env: QUIET });
  for (const file of await readdir(downloads)) await run('dpkg', ['-x', join(downloads, file), folder]);
  await rm(downloads, { recursive: true });
}
