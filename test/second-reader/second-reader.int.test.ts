import { execFile } from 'node:child_process';
import { cp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { appendEvents, createLogBed, testEvent, type LogBed } from '#test/log-bed';

const READER = fileURLToPath(new URL('reader.mjs', import.meta.url));
const MARCH = Date.UTC(2026, 2, 31, 23, 59, 59);

let bed: LogBed;

interface Reading {
  readonly records: number;
  readonly position: number;
  readonly event?: string;
  readonly problems: readonly string[];
}

async function readWith(folder: string, position = 0): Promise<Reading> {
  const { stdout } = await promisify(execFile)(process.execPath, [READER, folder, String(position)]);
  const reading: Reading = JSON.parse(stdout);
  return reading;
}

const event = (n: number) =>
  testEvent(n % 3 === 0 ? '111111111111' : '222222222222', n, {
    time: MARCH + (n % 2) * 5000,
    bytes: n * 40,
  });

beforeAll(async () => {
  bed = await createLogBed();
  await bed.recover();
  const journal = await bed.open();
  for (const numbers of [
    [0, 1, 2, 3],
    [4, 5, 6],
    [7, 8],
  ]) {
    for (const number of numbers) await appendEvents(journal, [event(number), event(number + 100)]);
    await journal.sealer.sealTail({ force: true });
    if (numbers.length === 3) {
      await journal.erase({ account: '111111111111', before: Date.UTC(2026, 3, 1) });
      await journal.sealer.rotateSigningKey();
    }
  }
  await journal.close();
  await bed.recover({ restored: true });
  const restored = await bed.open();
  await appendEvents(restored, [event(9), event(109)]);
  await restored.sealer.sealTail({ force: true });
  await restored.close();
});
afterAll(() => bed.remove());

async function copied(): Promise<string> {
  const copy = `${bed.folder}-copy`;
  await rm(copy, { recursive: true, force: true });
  await cp(bed.folder, copy, { recursive: true });
  return copy;
}

describe('a reader written from the page alone', () => {
  it('reads and checks what the product wrote, and decrypts an event with the master key', async () => {
    expect(await readWith(bed.folder, 2)).toEqual({
      records: 8,
      position: 20,
      event: event(1).raw.toString(),
      problems: [],
    });
    expect((await readWith(bed.folder, 0)).event).toBeUndefined();
  });

  it('finds damage in every object of a copy', async () => {
    const copy = await copied();
    for (const part of ['objects/log', 'objects/checkpoint', 'anchor', 'keys']) {
      const entries = await readdir(join(copy, part), { recursive: true, withFileTypes: true });
      for (const entry of entries.filter((one) => one.isFile())) {
        const path = join(entry.parentPath, entry.name);
        if (path.includes('keys/signing')) continue;
        const bytes = await readFile(path);
        const damaged = Buffer.from(bytes);
        const at = Math.floor(bytes.length * 0.7);
        damaged.writeUInt8(damaged.readUInt8(at) ^ 4, at);
        await writeFile(path, damaged);
        expect((await readWith(copy)).problems, path).not.toEqual([]);
        await writeFile(path, bytes);
      }
    }
    expect((await readWith(copy)).problems).toEqual([]);
    await rm(copy, { recursive: true });
  });
});
