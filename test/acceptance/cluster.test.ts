import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { allEvents, graphql, postEvents, settled, withoutOwn } from '#test/acceptance/client';
import { Cluster, MEMBER_NAMES, WAVES } from '#test/acceptance/cluster';
import { Readers, askPatiently } from '#test/acceptance/patient-client';
import { cairn } from '#test/acceptance/platform';
import { readCounters } from '#test/soak/examine';
import { Load } from '#test/soak/load';
import { Follower } from '#test/witnesses/follower';
import { testify } from '#test/witnesses/witness';

/** Two event subgraphs, two workers and one of each of the others, as processes of their own. */
const ERASED = '777766665555';
const EVENT_ID = '99999999-2222-3333-4444-555555555555';
/** Beside it the cluster tells of the account itself: that it was made, and that it was erased. */
const SENT_TO_ERASED = { and: [{ account: { equals: ERASED } }, { eventId: { equals: EVENT_ID } }] };
/** Between the bodies of a sender: the processes that begin need the machine, too. */
const PAUSE_MS = 500;
/** Seven processes begin three times each, which a slow machine may take its time for. */
const TIMEOUT_MS = 900_000;

describe('a cluster', { timeout: TIMEOUT_MS }, () => {
  let cluster: Cluster;
  let load: Load;
  const text = JSON.stringify(event());
  /** At the gateway, and at both event subgraphs: whoever takes an event in, all of them hear of it. */
  let followers: readonly Follower[];

  beforeAll(async () => {
    cluster = await Cluster.start();
    const { url, apiKey } = cluster;
    load = new Load(() => ({ url, apiKey }), 7, PAUSE_MS);
    load.start();
    const doors = (['events-1', 'events-2'] as const).map((name) => cluster.members[name].url);
    followers = [new Follower(), ...doors.map((door) => new Follower(`${door}/subgraphs/events/graphql`))];
    for (const follower of followers) follower.start(() => ({ url, apiKey }));
  }, TIMEOUT_MS);
  afterAll(async () => {
    load.abandon();
    for (const follower of followers) follower.abandon();
    await cluster[Symbol.asyncDispose]();
  });

  it('goes on when any of its processes is killed: another one takes over, or its next life', async () => {
    for (const wave of WAVES) {
      await load.more(2);
      await Promise.all(wave.map((name) => cluster.members[name].end('SIGKILL')));
      if (wave.includes('events-1') || wave.includes('events-2')) {
        // Those that are left do it all: take events in, and move history on.
        await load.more(2);
        await found([...load.acknowledged.keys()].at(-1) ?? '');
      }
      await cluster.begin(wave);
    }
    await load.more(4);
  });

  it('lets every process be begun again under load, and a client that tries again notices nothing', async () => {
    const readers = new Readers(cluster, 2);
    const codes: Record<string, number | null> = {};
    for (const wave of WAVES) {
      await load.more(2);
      for (const name of wave) codes[name] = await cluster.members[name].end('SIGTERM');
      await cluster.begin(wave);
    }
    await load.more(4);
    await readers.stop();
    expect(codes).toEqual(Object.fromEntries(MEMBER_NAMES.map((name) => [name, 0])));
    expect(readers.failures).toEqual([]);
    expect(readers.answered).toBeGreaterThan(MEMBER_NAMES.length);
  });

  it('erases from both: the worker that has history does it', async () => {
    const input = { id: ERASED, name: 'to be erased' };
    await graphql(
      cluster,
      'mutation ($input: CreateAccountInput!) { createAccount(input: $input) { userErrors { code } } }',
      { input },
    );
    const answer = await postEvents(cluster, text, `?account=${ERASED}`);
    expect(await answer.json()).toMatchObject({ recorded: 1 });
    await found(EVENT_ID);
    expect(await total(SENT_TO_ERASED)).toBe(1);
    await Promise.all(followers.map((follower) => follower.hears(EVENT_ID)));
    const { eraseAccount } = await graphql<{ eraseAccount: { job: { id: string } } }>(
      cluster,
      'mutation ($a: AccountId!) { eraseAccount(account: $a) { job { id } } }',
      { a: ERASED },
    );
    while ((await stateOf(eraseAccount.job.id)) !== 'SUCCEEDED') await delay(100);
    expect(await total(SENT_TO_ERASED)).toBe(0);
  });

  it('told every subscriber every event, once and in order, whichever process took it in or was killed', async () => {
    await load.stop();
    await settled(cluster);
    const sent = new Map([...load.acknowledged, [EVENT_ID, text]]);
    expect(await testify(followers, () => cluster, sent)).toEqual([]);
    for (const { streams } of followers) expect(streams).toBeGreaterThan(2);
  });

  it('has everything that it acknowledged, once, as it was sent, and seals and verifies it', async () => {
    const { sent: found } = withoutOwn(await allEvents(cluster));
    const times = new Map<string, number>();
    for (const { eventId } of found) times.set(eventId, (times.get(eventId) ?? 0) + 1);
    expect([...load.acknowledged.keys()].filter((id) => !times.has(id))).toEqual([]);
    expect([...times].filter(([id, count]) => count > 1 || !load.acknowledged.has(id))).toEqual([]);
    expect(found.filter(({ eventId, raw }) => load.acknowledged.get(eventId) !== raw)).toEqual([]);
    expect(load.acknowledged.size).toBeGreaterThan(2_000);

    const events = cluster.members['events-1'];
    // The one that was erased has its position, too, and what the cluster told of itself.
    const { own } = await readCounters(cluster);
    const position = await events.metric('cairn_journal_position');
    expect(position).toBe(load.acknowledged.size + 1 + own.accepted);
    expect(own).toMatchObject({ conflict: 0, refused: 0 });
    while ((await events.metric('cairn_journal_tail_batches')) > 0) await delay(100);
    await cluster.stop();
    const { code, stdout, stderr } = await cairn(['verify', '--data', cluster.dataDir], cluster.env);
    expect({ code, text: stdout + stderr }).toMatchObject({ code: 0 });
  });

  /** Waits until history has come so far; it is never settled while events come in. */
  async function found(eventId: string): Promise<void> {
    while ((await total({ eventId: { equals: eventId } })) !== 1) await delay(50);
  }

  /** A process may be away meanwhile, or slow: what says so is asked again. */
  async function total(filter: object): Promise<number> {
    const query = 'query ($filter: EventFilterInput!) { eventCounts(filter: $filter) { total } }';
    const { data, errors } = (await askPatiently(cluster, query, { filter })) ?? {};
    if (errors !== undefined) throw new Error(JSON.stringify(errors));
    return Number((data as { eventCounts: { total: number } }).eventCounts.total);
  }

  function event(): object {
    return {
      eventVersion: '1.11',
      eventID: EVENT_ID,
      eventTime: new Date().toISOString().replace(/\.\d+Z/, 'Z'),
      eventSource: 's3.amazonaws.com',
      eventName: 'GetObject',
      awsRegion: 'eu-central-1',
      eventType: 'AwsApiCall',
      eventCategory: 'Management',
      userIdentity: { type: 'Root', accountId: ERASED },
    };
  }

  async function stateOf(id: string): Promise<string | undefined> {
    const { jobRun } = await graphql<{ jobRun: { state: string } | null }>(
      cluster,
      'query ($id: ID!) { jobRun(id: $id) { state } }',
      { id },
    );
    return jobRun?.state;
  }
});
