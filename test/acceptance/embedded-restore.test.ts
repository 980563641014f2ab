import { copyFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { graphql, postEvents, settled } from '#test/acceptance/client';
import { cairn, startPlatform, temporaryFolder, type Platform } from '#test/acceptance/platform';

let folder: string;
let data: string;
let apiKey: string | undefined;

beforeAll(async () => {
  folder = await temporaryFolder();
  data = join(folder, 'data');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const events = (from: number, to: number): string =>
  Array.from({ length: to - from }, (_, index) => {
    const n = from + index;
    return JSON.stringify({
      eventVersion: '1.11',
      eventID: `drill-${n}`,
      eventTime: '2026-11-20T10:00:00Z',
      eventSource: 'drill.example',
      eventName: 'Drill',
      userIdentity: { type: 'IAMUser', userName: 'nadia' },
      recipientAccountId: '123456789012',
    });
  }).join('\n');

async function record(platform: Platform, from: number, to: number): Promise<unknown> {
  const answer = await postEvents(platform, events(from, to));
  return answer.json();
}

async function found(platform: Platform): Promise<number> {
  await settled(platform);
  const { eventCounts } = await graphql<{ eventCounts: { total: number } }>(
    platform,
    '{ eventCounts(filter: { eventSource: { in: ["drill.example"] } }) { total } }',
  );
  return eventCounts.total;
}

const start = (): Promise<Platform> =>
  startPlatform({ dataDir: data, ...(apiKey === undefined ? {} : { apiKey }) });

async function backup(): Promise<{ position: number }> {
  const { code, stdout, stderr } = await cairn([
    'backup',
    '--to',
    join(folder, 'backups'),
    '--data',
    data,
    '-o',
    'json',
  ]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const report: { position: number } = JSON.parse(stdout);
  return report;
}

async function restore(
  ...args: readonly string[]
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  return cairn(['restore', '--data', data, ...args]);
}

describe('a drill with the commands', () => {
  it('backs up beside the running platform, loses everything, then PostgreSQL, and has it back each time', async () => {
    {
      await using platform = await start();
      ({ apiKey } = platform);
      await graphql(
        platform,
        'mutation { createAccount(input: { id: "123456789012", name: "Drill" }) { userErrors { message } } }',
      );
      expect(await record(platform, 0, 40)).toMatchObject({ recorded: 40 });
      expect(await found(platform)).toBe(40);
      expect((await backup()).position).toBeGreaterThanOrEqual(40);
      expect(await record(platform, 40, 50)).toMatchObject({ recorded: 10 });
    }
    await copyFile(join(data, 'master.key'), join(folder, 'copy.key'));
    for (const path of [data, `${data}.anchor`]) await rm(path, { recursive: true });
    const from = ['--from', join(folder, 'backups')];
    const refused = await restore(...from);
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('--master-key') as string });
    const restored = await restore(...from, '--master-key', join(folder, 'copy.key'));
    expect(restored).toMatchObject({ code: 0, stderr: '' });
    expect(restored.stdout).toContain('The log goes on in epoch 1');
    {
      await using platform = await start();
      expect(await found(platform)).toBe(40);
      expect(await record(platform, 38, 45)).toMatchObject({ recorded: 5, duplicates: 2 });
      expect(await found(platform)).toBe(45);
      expect(await cairn(['verify', '--data', data])).toMatchObject({ code: 0 });
      const again = await restore(...from);
      expect(again).toMatchObject({ code: 2, stderr: expect.stringContaining('is in use') as string });
    }
    await losePostgres();
  }, 900_000);
});

/** Goes on from there. */
async function losePostgres(): Promise<void> {
  {
    await using platform = await start();
    expect(await record(platform, 45, 60)).toMatchObject({ recorded: 15 });
    expect(await found(platform)).toBe(60);
  }
  await rm(join(data, 'postgres'), { recursive: true });
  const restored = await restore('--from', join(folder, 'backups'), '-o', 'json');
  expect(restored).toMatchObject({ code: 0, stderr: '' });
  const { head, rows } = JSON.parse(restored.stdout) as {
    head: { epoch: number; position: number };
    rows: string;
  };
  expect({ rows, epoch: head.epoch }).toEqual({ rows: 'backup', epoch: 2 });
  await using platform = await start();
  // Stopped in order: what was recorded was sealed, or it was in the tail that is lost.
  const left = await found(platform);
  expect(left).toBeGreaterThanOrEqual(40);
  expect(await record(platform, 0, 60)).toMatchObject({ duplicates: left, recorded: 60 - left });
  expect(await found(platform)).toBe(60);
  expect(await cairn(['verify', '--data', data])).toMatchObject({ code: 0 });
  const { accounts } = await graphql<{ accounts: { edges: readonly { node: { name: string } }[] } }>(
    platform,
    '{ accounts(first: 10) { edges { node { name } } } }',
  );
  expect(accounts.edges.map(({ node }) => node.name)).toContain('Drill');
  await expect.poll(() => toldEpochs(platform), { timeout: 30_000 }).toContain(2);
}

/** The epochs that the trail of Cairn itself says were begun by restores. */
async function toldEpochs(platform: Platform): Promise<readonly number[]> {
  const { events: told } = await graphql<{ events: { edges: readonly { node: { raw: string } }[] } }>(
    platform,
    `
      {
        events(
          first: 50
          filter: { eventSource: { equals: "cairn" }, eventName: { equals: "RestoreInstallation" } }
        ) {
          edges {
            node {
              raw
            }
          }
        }
      }
    `,
  );
  interface Told {
    readonly serviceEventDetails: { readonly newEpoch: { readonly epoch: number } };
  }
  return told.edges.map(({ node }) => (JSON.parse(node.raw) as Told).serviceEventDetails.newEpoch.epoch);
}
