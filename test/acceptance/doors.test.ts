import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EventSource } from '#domain/generator/events';
import { graphql, postEvents, settled } from '#test/acceptance/client';
import { cairn, startPlatform, temporaryFolder, type Platform } from '#test/acceptance/platform';
import { changeOneByte } from '#test/acceptance/tamper';
import { sealed } from '#test/soak/examine';

const ACCOUNT = '111122223333';
const source = new EventSource({ seed: 11, accounts: [ACCOUNT] });
const START = Date.now();

let folder: string;
let platform: Platform;

beforeAll(async () => {
  folder = await temporaryFolder();
  platform = await startPlatform({ dataDir: join(folder, 'data'), env: { CAIRN_SEAL_SECONDS: '1' } });
});
afterAll(async () => {
  await platform.stop();
  await rm(folder, { recursive: true, force: true });
});

function someEvents(count: number): string[] {
  return Array.from({ length: count }, (_, index) => source.next(START - index * 60_000));
}

function idOf(text: string): string {
  return (JSON.parse(text) as { eventID: string }).eventID;
}

describe('the doors', () => {
  it.each([
    ['NDJSON', (texts: string[]) => texts.join('\n')],
    ['a JSON array', (texts: string[]) => `[${texts.join(',')}]`],
    ['CloudTrail’s Records', (texts: string[]) => `{"Records":[${texts.join(',\n')}]}`],
    ['gzip', (texts: string[]) => gzipSync(`{"Records":[${texts.join(',')}]}`)],
    ['zstd', (texts: string[]) => zstdCompressSync(texts.join('\n'))],
  ])('take %s, and give back the bytes', async (_, bodyOf) => {
    const texts = someEvents(20);
    const answer = await postEvents(platform, bodyOf(texts), '?import=doors');
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({ received: 20, recorded: 20, refused: 0 });
    await settled(platform);
    for (const text of [texts[0] ?? '', texts[19] ?? '']) {
      const { events } = await graphql<{ events: { edges: { node: { raw: string } }[] } }>(
        platform,
        'query ($id: String!) { events(filter: { eventId: { equals: $id } }) { edges { node { raw } } } }',
        { id: idOf(text) },
      );
      expect(events.edges.map(({ node }) => node.raw)).toEqual([text]);
    }
  });

  it('record what a partner sends, and say what became of each event', async () => {
    const [first = '', second = ''] = someEvents(2);
    const other = second.replace(/"eventName":"[^"]*"/, '"eventName":"Forged"');
    const record = async (texts: readonly string[]): Promise<unknown> => {
      const { recordEvents } = await graphql<{ recordEvents: { results: { result: string }[] } }>(
        platform,
        `
          mutation ($input: RecordEventsInput!) {
            recordEvents(input: $input) {
              results {
                result
              }
            }
          }
        `,
        { input: { events: texts.map((eventData) => ({ eventData })) } },
      );
      return recordEvents.results.map(({ result }) => result);
    };
    expect(await record([first, first, 'no JSON'])).toEqual(['RECORDED', 'DUPLICATE', 'REFUSED']);
    expect(await record([second])).toEqual(['RECORDED']);
    expect(await record([other, second])).toEqual(['CONFLICT', 'DUPLICATE']);
  });

  it('survive hostile bodies, refuse them, and stay open for others', async () => {
    const nested = `{"eventID":"n","requestParameters":${'['.repeat(5_000)}${']'.repeat(5_000)}}`;
    const [kept = ''] = someEvents(1);
    const polluted = kept.replace('{', '{"__proto__":{"admin":true},"constructor":1,');
    const mixed = await postEvents(platform, [nested, 'garbage', '{}', polluted].join('\n'), '?import=doors');
    expect(await mixed.json()).toMatchObject({ received: 4, recorded: 1, refused: 3 });
    const bomb = await postEvents(platform, gzipSync(Buffer.alloc(256 * 2 ** 20, '\n')), '?import=doors');
    expect(bomb.status).toBe(413);
    expect(await bomb.json()).toMatchObject({ error: { code: 'BODY_TOO_LARGE' } });
    const broken = await postEvents(platform, gzipSync('{}').subarray(0, 12), '?import=doors');
    expect(broken.status).toBe(400);
    const stranger = { url: platform.url, apiKey: 'cairn_aaaaaaaaaaaaaaaa_aaaa' };
    expect((await postEvents(stranger, kept)).status).toBe(401);
    expect((await postEvents(platform, someEvents(1)[0] ?? '', '?import=doors')).status).toBe(200);
  });
});

describe('proof', () => {
  it('of one event is checked with a public key alone, and the log only ever grew', async () => {
    const [text = ''] = someEvents(1);
    await postEvents(platform, text, '?import=doors');
    await sealed(platform);
    const { account, publicKeys } = await graphql<Trail>(platform, TRAIL);
    const [key] = publicKeys;
    const checkpoint = join(folder, 'checkpoint.txt');
    await writeFile(checkpoint, account.latestCheckpoint.note);

    const proof = join(folder, 'proof.json');
    const data = ['--data', platform.dataDir];
    const event = ['--account', ACCOUNT, '--event', idOf(text)];
    const made = await cairn(['proof', ...data, ...event, '--disclose', '--out', proof]);
    expect(made).toMatchObject({ code: 0, stderr: '' });
    expect((await stat(proof)).size).toBeLessThan(10_240);
    const checked = await cairn(['verify-proof', proof, '--key', key?.vkey ?? '', '-o', 'json']);
    expect(checked).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(checked.stdout)).toMatchObject({ account: ACCOUNT, event: text });
    const forged = join(folder, 'forged.json');
    await writeFile(
      forged,
      (await readFile(proof, 'utf8')).replace(/"account": ?"?\d+"?/, '"account": "999999999999"'),
    );
    expect((await cairn(['verify-proof', forged, '--key', key?.vkey ?? ''])).code).not.toBe(0);

    await postEvents(platform, someEvents(5).join('\n'), '?import=doors');
    await sealed(platform);
    expect(await cairn(['verify', ...data, '--since', checkpoint])).toMatchObject({ code: 0, stderr: '' });
  });

  it('fails for a journal in which one byte was changed', async () => {
    await sealed(platform);
    await platform.stop();
    const data = ['--data', platform.dataDir];
    expect(await cairn(['verify', ...data])).toMatchObject({ code: 0, stderr: '' });
    await changeOneByte(platform.dataDir);
    const verified = await cairn(['verify', ...data]);
    expect(verified.code).toBe(1);
    expect(verified.stdout).toContain('tampered');
  });
});

interface Trail {
  readonly account: { readonly latestCheckpoint: { readonly note: string } };
  readonly publicKeys: readonly { readonly vkey: string }[];
}

const TRAIL = `{ account(id: "000000000000") { latestCheckpoint { note } } publicKeys { vkey } }`;
