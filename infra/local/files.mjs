import { randomBytes } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';

/** Text as it is, all else as JSON; whole or not at all, for our eyes only. */
export async function writePrivate(path, value) {
  const temporary = `${path}.${randomBytes(4).toString('hex')}.tmp`;
  const text = typeof value === 'string' ? value : `${JSON.stringify(value, null, 2)}\n`;
  await writeFile(temporary, text, { mode: 0o600 });
  await rename(temporary, path);
}

/** As writePrivate, and done when it returns. */
export function writePrivateNow(path, value) {
  const temporary = `${path}.${randomBytes(4).toString('hex')}.tmp`;
  writeFileSync(temporary, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 });
  renameSync(temporary, path);
}

export function readJson(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}
