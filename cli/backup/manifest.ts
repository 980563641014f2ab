import { createHmac, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';

import { CairnError } from '#domain/errors';
import type { KeyProvider } from '#platform/keys';

/** Version of a backup folder's layout and of its manifests. */
export const BACKUP_FORMAT = 1;

const NAME = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/);
const TABLE = z.object({
  name: NAME,
  columns: z.array(NAME),
  rows: z.int(),
  /** Of the file as it lies there, which is its name too. */
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  bytes: z.int(),
});
const MANIFEST = z.object({
  format: z.literal(BACKUP_FORMAT),
  /** Its time: ids of later backups sort after those of earlier ones. */
  id: z.string().regex(/^\d{8}T\d{9}Z$/),
  at: z.iso.datetime(),
  installation: z.uuid(),
  log: z.uuid(),
  epoch: z.int(),
  /** Events before it are in the backup. */
  position: z.int(),
  /** Records of the log, whose objects belong to it. */
  records: z.int(),
  /** Which epoch the log's records are of, from which sequence on. */
  epochs: z.array(z.object({ epoch: z.int(), sequence: z.int() })),
  /** The newest signed note of these records; null before the first. */
  checkpoint: z.string().nullable(),
  /** Migrations that had run: the tables' shape. */
  migrations: z.array(z.string()),
  tables: z.array(TABLE),
  sequences: z.array(z.object({ name: NAME, last: z.string().regex(/^-?\d+$/) })),
  /** Where the objects are: null when they were copied into the backup. */
  bucket: z.string().nullable(),
});

/** What one backup holds. */
export type Manifest = z.infer<typeof MANIFEST>;
export type TableFile = z.infer<typeof TABLE>;

/** The manifest as a line of JSON, and below it a MAC under a key of the installation's master key. */
export function sealManifest(manifest: Manifest, keys: KeyProvider): string {
  const line = JSON.stringify(manifest);
  return `${line}\n${macOf(line, keys)}\n`;
}

/** CORRUPT unless the file is as it was written, by an installation with this master key. */
export function openManifest(text: string, keys: KeyProvider, name: string): Manifest {
  const [line = '', mac = ''] = text.split('\n');
  const expected = Buffer.from(macOf(line, keys));
  const found = Buffer.from(mac);
  if (found.length !== expected.length || !timingSafeEqual(found, expected)) {
    throw new CairnError(
      'CORRUPT',
      `The backup ${name} was changed, or it is of an installation with another master key.`,
    );
  }
  const parsed = MANIFEST.safeParse(JSON.parse(line));
  if (parsed.success) return parsed.data;
  throw new CairnError('CORRUPT', `The backup ${name} is of a release that this one does not know.`);
}

function macOf(line: string, keys: KeyProvider): string {
  return createHmac('sha256', keys.derive('backup')).update(line).digest('hex');
}
