import { hash } from 'node:crypto';
import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { zstdCompressSync } from 'node:zlib';

const FRAME_BYTES = 64 * 1024;
const COMMIT_BYTES = 4 * 1024 * 1024;

/** The least that any durable log would do with these events: parse, hash, compress, write, fsync. One thread. */
export function bareCost(events: readonly Buffer[], path: string): void {
  const file = openSync(path, 'w');
  let frame: Buffer[] = [];
  let frameBytes = 0;
  let unsynced = 0;
  const flush = (): void => {
    writeSync(file, zstdCompressSync(Buffer.concat(frame)));
    unsynced += frameBytes;
    frame = [];
    frameBytes = 0;
    if (unsynced < COMMIT_BYTES) return;
    fsyncSync(file);
    unsynced = 0;
  };
  for (const event of events) {
    JSON.parse(event.toString());
    hash('sha256', event, 'buffer');
    frame.push(event);
    frameBytes += event.length;
    if (frameBytes >= FRAME_BYTES) flush();
  }
  flush();
  fsyncSync(file);
  closeSync(file);
}
