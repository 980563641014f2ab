import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { z } from 'zod';

const LOCKFILE = z.object({
  packages: z.record(
    z.string(),
    z.object({
      version: z.string().optional(),
      optionalDependencies: z.record(z.string(), z.string()).optional(),
    }),
  ),
});

/**
 * npm drops a platform's variant that the registry cannot give at the moment, and `npm ci` then refuses the
 * lockfile everywhere. Add such an entry by hand: version, os, cpu, libc, optional.
 */
test('the lockfile names every platform’s variant of every package, so that npm ci takes it', () => {
  const { packages } = LOCKFILE.parse(JSON.parse(readFileSync('package-lock.json', 'utf8')));
  const isLocked = (path: string, name: string): boolean => {
    if (`${path === '' ? '' : `${path}/`}node_modules/${name}` in packages) return true;
    return path !== '' && isLocked(path.slice(0, Math.max(0, path.lastIndexOf('/node_modules/'))), name);
  };
  const missing = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).filter((name) => !isLocked(path, name)),
  );
  expect(missing).toEqual([]);
});
