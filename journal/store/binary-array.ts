/** Element types by their OIDs (src/include/catalog/pg_type.dat). */
const INT4 = 23;
const INT8 = 20;
const UUID = 2950;

/**
 * Arrays in PostgreSQL's binary format (array_send): pg sends a Buffer as a binary parameter, so thousands of
 * values need neither strings nor quoting.
 */
export function int4Array(values: ArrayLike<number>): Buffer {
  const { bytes, start } = arrayOf(INT4, values.length, 4);
  let at = start;
  for (let index = 0; index < values.length; index++) {
    at = bytes.writeInt32BE(4, at);
    at = bytes.writeInt32BE(values[index] ?? 0, at);
  }
  return bytes;
}

/** Whole numbers from 0 to 2^53. */
export function int8Array(values: ArrayLike<number>): Buffer {
  const { bytes, start } = arrayOf(INT8, values.length, 8);
  let at = start;
  for (let index = 0; index < values.length; index++) {
    const value = values[index] ?? 0;
    at = bytes.writeInt32BE(8, at);
    at = bytes.writeUInt32BE(Math.floor(value / 0x1_0000_0000), at);
    at = bytes.writeUInt32BE(value % 0x1_0000_0000, at);
  }
  return bytes;
}

/** Items of 8 bytes one after another as bigints. */
export function int8ArrayOfBytes(items: Buffer): Buffer {
  return arrayOfBytes(INT8, items, 8);
}

/** Items of 16 bytes one after another as UUIDs. */
export function uuidArray(items: Buffer): Buffer {
  return arrayOfBytes(UUID, items, 16);
}

function arrayOfBytes(type: number, items: Buffer, size: number): Buffer {
  const count = items.length / size;
  const { bytes, start } = arrayOf(type, count, size);
  let at = start;
  for (let index = 0; index < count; index++) {
    at = bytes.writeInt32BE(size, at);
    items.copy(bytes, at, index * size, index * size + size);
    at += size;
  }
  return bytes;
}

function arrayOf(type: number, count: number, size: number): { bytes: Buffer; start: number } {
  const dimensions = count === 0 ? 0 : 1;
  const start = 12 + dimensions * 8;
  const bytes = Buffer.allocUnsafe(start + count * (4 + size));
  bytes.writeInt32BE(dimensions, 0);
  bytes.writeInt32BE(0, 4);
  bytes.writeInt32BE(type, 8);
  if (dimensions === 1) {
    bytes.writeInt32BE(count, 12);
    bytes.writeInt32BE(1, 16);
  }
  return { bytes, start };
}
