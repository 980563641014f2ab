import { existsSync, rmSync } from 'node:fs';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { findProgram, installedOnce, isRoot, run, say, ServicesError } from './programs.mjs';

/** Debian's way to forbid its packages to start their services; 101 = not allowed (policy-rc.d). */
const POLICY = '/usr/sbin/policy-rc.d';
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

async function installAsRoot(apt, name) {
  const install = () =>
    run(apt, [...WAIT, 'install', '-y', '-q', '--no-install-recommends', name], { env: QUIET });
  try {
    await install();
  } catch {
    // No lists yet, or lists that name files which are gone: fetch them, and let the second failure count.
    await run(apt, [...WAIT, 'update', '-q'], { env: QUIET });
    await install();
  }
}

let last = Promise.resolve();

/** Services come up at once, and dpkg does one thing at a time. */
function oneAtATime(work) {
  const done = last.then(work);
  last = done.catch(() => undefined);
  return done;
}

async function withoutStartingServices(work) {
  if (existsSync(POLICY)) return work();
  const remove = () => rmSync(POLICY, { force: true });
  // Also when a signal ends us in the middle: the system's services must start again after us.
  process.once('exit', remove);
  await writeFile(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    await work();
  } finally {
    remove();
    process.off('exit', remove);
  }
}

/** What the system has already is not fetched again; lists must be there, because only root can fetch them. */
async function unpack(apt, name, folder) {
  say(`unpacking ${name} (apt-get download, no root) ...`);
  const plan = await run(apt, ['-s', '-q', 'install', '--no-install-recommends', name], { env: QUIET });
  const packages = [...plan.matchAll(/^Inst (\S+)/gm)].map(([, wanted]) => wanted);
  const downloads = join(folder, 'downloads');
  await mkdir(downloads, { recursive: true });
  await run(apt, ['-q', 'download', ...new Set([name, ...packages])], { cwd: downloads, env: QUIET });
  for (const file of await readdir(downloads)) await run('dpkg', ['-x', join(downloads, file), folder]);
  await rm(downloads, { recursive: true });
}
