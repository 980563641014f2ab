import { join } from 'node:path';

import { debianPackage } from './debian.mjs';
import { download, findProgram, installedOnce, isRoot, run, say, ServicesError } from './programs.mjs';

const HINT = 'install Python 3.9 or newer with pip.';

/** A package of PyPI, with what it needs unless told, in a folder of the cache; answers folder and interpreter. */
export async function pythonPackage(cache, requirement, { dependencies = true } = {}) {
  const python = await findPython(cache);
  // Compiled parts fit one version of Python only.
  const tag = (await run(python, ['-c', 'import sys; print("%d.%d" % sys.version_info[:2])'])).trim();
  const folder = join(cache, `${requirement.replaceAll(/[^\w.-]+/g, '-')}-python${tag}`);
  await installedOnce(folder, async (target) => {
    say(`installing ${requirement} (pip) ...`);
    const options = ['--quiet', '--disable-pip-version-check', '--no-cache-dir', '--only-binary=:all:'];
    if (!dependencies) options.push('--no-deps');
    // A second try must replace what the first one left.
    await download(python, [
      '-m',
      'pip',
      'install',
      ...options,
      '--upgrade',
      '--target',
      target,
      requirement,
    ]);
  });
  return { folder, python };
}

let search;

/** A Python that has pip; several services look for one at once. */
export function findPython(cache) {
  search ??= lookForPython(cache);
  return search;
}

async function lookForPython(cache) {
  const found = findProgram('python3');
  if (found !== undefined && (await hasPip(found))) return found;
  if (!isRoot()) throw new ServicesError(`There is no Python with pip: ${HINT}`);
  await debianPackage(cache, 'python3-pip', HINT);
  return '/usr/bin/python3';
}

async function hasPip(python) {
  try {
    await run(python, ['-m', 'pip', '--version']);
    return true;
  } catch (error) {
    if (error instanceof ServicesError) return false;
    throw error;
  }
}
