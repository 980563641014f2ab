import { promisify } from 'node:util';
import { gzip, zstdCompress } from 'node:zlib';
import type { ExportCompression } from '#domain/exports';

const asGzip = promisify(gzip);
const asZstd = promisify(zstdCompress);

/**
 * A member of its own: concatenated, members are one valid file (RFC 1952 section 2.2, RFC 8878 section 3), so that a
 * file can be written part by part and go on after a crash.
 */
export async function compressPart(chunks: readonly Uint8Array[], how: ExportCompression): Promise<Buffer> {
  const bytes = Buffer.concat(chunks);
  // An empty member would be a part without bytes of the file.
  if (how === 'NONE' || bytes.length === 0) return bytes;
  return how === 'GZIP' ? asGzip(bytes) : asZstd(bytes);
}
