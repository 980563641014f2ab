import { open } from 'node:fs/promises';
import { Worker } from 'node:worker_threads';

/**
 * Merges the full-text segments, which drops the terms of deleted events, and writes the live pages alone to a
 * new file. It runs in a thread: a million events take about ten seconds, which must not stop the process.
 * Plain JavaScript, because a thread cannot load a TypeScript source. VACUUM in place would not do: b-tree
 * pages and the write-ahead log keep remnants.
 */
const SCRIPT = `
const { parentPort, workerData } = require('node:worker_threads');
const { DatabaseSync } = require('node:sqlite');
const db = new DatabaseSync(workerData.from, { timeout: 10000 });
db.exec("INSERT INTO term (term) VALUES ('optimize')");
db.prepare('VACUUM INTO ?').run(workerData.to);
db.close();
parentPort.postMessage('done');
`;

/** Copies the index without any trace of what was deleted from it. Nothing may write meanwhile. */
export async function compactInto(from: string, to: string): Promise<void> {
  const worker = new Worker(SCRIPT, { eval: true, workerData: { from, to } });
  try {
    await new Promise<void>((resolve, reject) => {
      worker.once('message', () => resolve());
      worker.once('error', reject);
      worker.once('exit', (code) =>
        reject(new Error(`The thread that compacts history ended with ${code}.`)),
      );
    });
  } finally {
    await worker.terminate();
  }
  const file = await open(to, 'r+');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
