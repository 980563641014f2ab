import type { ByteRange } from '#platform/objects/object-store';

/** RangeError unless both are whole numbers from 0 on. */
export function checkRange({ offset, length }: ByteRange): void {
  if (!Number.isSafeInteger(offset) || !Number.isSafeInteger(length) || offset < 0 || length < 0) {
    throw new RangeError(`Not a range of bytes: ${offset}, ${length}`);
  }
}
