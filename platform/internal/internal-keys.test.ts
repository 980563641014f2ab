import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readInternalKeys } from '#platform/internal/internal-keys';

const [ONE, TWO] = ['ab'.repeat(32), 'cd'.repeat(32)];
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cairn-keys-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function read(text: string): Promise<readonly Buffer[]> {
  const path = join(folder, 'internal.key');
  await writeFile(path, text);
  return readInternalKeys(path);
}

test('a key a line, the first one first', async () => {
  expect((await read(`${ONE}\n`)).map((key) => key.toString('hex'))).toEqual([ONE]);
  expect((await read(`\n${ONE}\n  ${TWO}`)).map((key) => key.toString('hex'))).toEqual([ONE, TWO]);
});

test.each([[''], ['abcd\n'], [`${ONE}\nabcd\n`], [`${ONE}\n`.repeat(5)]])('refuses %j', async (text) => {
  await expect(read(text)).rejects.toThrow('CAIRN_INTERNAL_KEY');
});
