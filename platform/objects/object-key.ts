/** S3's limit on a key, in bytes of UTF-8. */
const MAX_KEY_BYTES = 1_024;
/** NAME_MAX of every file system we run on. */
const MAX_PART_BYTES = 255;

/**
 * Throws on keys that would not mean the same in every store or could leave the folder on disk: empty,
 * `.` and `..` parts, control characters, backslashes, ill-formed UTF-16, too long.
 */
export function checkObjectKey(key: string): void {
  const parts = key.split('/');
  const fits =
    key.isWellFormed() && Buffer.byteLength(key) <= MAX_KEY_BYTES && !/[\u0000-\u001f\u007f\\]/.test(key);
  if (!fits || !parts.every(isPart))
    throw new Error(`Not an object key: ${JSON.stringify(key.slice(0, 200))}`);
}

function isPart(part: string): boolean {
  return part !== '' && part !== '.' && part !== '..' && Buffer.byteLength(part) <= MAX_PART_BYTES;
}

const SURROGATE = /[\ud800-\udfff]/;

/** Order of UTF-8 bytes, as S3 lists. JavaScript's own differs from it only where surrogates meet. */
export function compareKeys(a: string, b: string): number {
  if (a === b) return 0;
  if (SURROGATE.test(a) || SURROGATE.test(b)) return Buffer.compare(Buffer.from(a), Buffer.from(b));
  return a < b ? -1 : 1;
}
