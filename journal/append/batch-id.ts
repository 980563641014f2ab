import { randomFillSync } from 'node:crypto';

/** A UUIDv7 (RFC 9562): time first, so that rows by batch are inserted side by side. */
export function newBatchId(now = Date.now()): Buffer {
  const id = randomFillSync(Buffer.alloc(16));
  id.writeUIntBE(now, 0, 6);
  id.writeUInt8((id.readUInt8(6) & 0x0f) | 0x70, 6);
  id.writeUInt8((id.readUInt8(8) & 0x3f) | 0x80, 8);
  return id;
}
