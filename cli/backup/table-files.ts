import { createHash, randomBytes } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createZstdCompress, createZstdDecompress } from 'node:zlib';

import type { BackupFolder } from '#cli/backup/backup-folder';
import { tableName } from '#cli/backup/backup-folder';
import type { TableFile } from '#cli/backup/manifest';
import { CairnError } from '#domain/errors';
import type { TableShape, TableSnapshot } from '#platform/postgres/table-snapshot';
import type { TableToLoad } from '#platform/postgres/table-load';

/** Writes a table's rows as a file named by its hash; a table that did not change has its file already. */
export async function writeTable(
  folder: BackupFolder,
  snapshot: TableSnapshot,
  table: TableShape,
): Promise<TableFile> {
  const temporary = join(folder.tables, `${randomBytes(8).toString('hex')}.tmp`);
  try {
    const hash = createHash('sha256');
    let bytes = 0;
    const rows = snapshot.copyOut(table);
    await pipeline(
      rows,
      createZstdCompress(),
      async function* (chunks: AsyncIterable<Buffer>) {
        for await (const chunk of chunks) {
          hash.update(chunk);
          bytes += chunk.length;
          yield chunk;
        }
      },
      createWriteStream(temporary, { flags: 'wx', mode: 0o600, flush: true }),
    );
    const sha256 = hash.digest('hex');
    await rename(temporary, join(folder.tables, tableName(sha256)));
    return { ...table, columns: [...table.columns], rows: rows.rowCount, sha256, bytes };
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** CORRUPT unless every file is the one that the manifest names. */
export async function checkTables(folder: BackupFolder, tables: readonly TableFile[]): Promise<void> {
  for (const { name, sha256 } of tables) {
    const hash = createHash('sha256');
    try {
      for await (const chunk of createReadStream(folder.tablePath(sha256))) hash.update(chunk);
    } catch (cause) {
      throw new CairnError('CORRUPT', `The backup's rows of ${name} cannot be read.`, { cause });
    }
    if (hash.digest('hex') !== sha256) {
      throw new CairnError('CORRUPT', `The backup's rows of ${name} were changed.`);
    }
  }
}

/** The tables as the database takes them. */
export function tablesToLoad(folder: BackupFolder, tables: readonly TableFile[]): readonly TableToLoad[] {
  return tables.map(({ name, columns, sha256 }) => ({
    name,
    columns,
    open: (): Readable => {
      const file = createReadStream(folder.tablePath(sha256));
      const rows = createZstdDecompress();
      file.on('error', (error) => rows.destroy(error));
      return file.pipe(rows);
    },
  }));
}
