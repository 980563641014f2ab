import { readFileSync } from 'node:fs';
import { mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

import { hasCode, writeFileDurably } from '#platform/files';

const PROFILE = z.object({ installation: z.string(), url: z.string(), apiKey: z.string() });

/** Which platform the commands talk to, and as whom. */
export type Profile = z.infer<typeof PROFILE>;

/** The profile that a first start wrote; undefined when there is none. */
export function readProfile(folder: string): Profile | undefined {
  try {
    return PROFILE.parse(JSON.parse(readFileSync(join(folder, 'profile.json'), 'utf8')));
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw new Error(`${join(folder, 'profile.json')} cannot be read: mend it or remove it.`, {
      cause: error,
    });
  }
}

/** Writes the profile for its owner alone. That of another installation is kept beside it. */
export async function writeProfile(folder: string, profile: Profile): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, 'profile.json');
  const before = readProfile(folder);
  if (before !== undefined && before.installation !== profile.installation) {
    await rename(path, join(folder, `profile-${before.installation}.json`));
  }
  await writeFileDurably(path, `${JSON.stringify(profile, undefined, 2)}\n`);
}

/** After a start: the same key, at the address where this installation answers now. */
export async function updateProfile(
  folder: string,
  { installation, url }: Pick<Profile, 'installation' | 'url'>,
): Promise<Profile | undefined> {
  const found = readProfile(folder);
  if (found === undefined || found.installation !== installation) return undefined;
  if (found.url !== url) await writeProfile(folder, { ...found, url });
  return { ...found, url };
}
