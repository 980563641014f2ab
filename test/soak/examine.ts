import { setTimeout as delay } from 'node:timers/promises';
import { allEvents, graphql, settled, withoutOwn, type FoundEvent } from '#test/acceptance/client';
import { cairn, type Platform } from '#test/acceptance/platform';
import { testify, type Witness } from '#test/witnesses/witness';

/** What became of what a platform had acknowledged. */
export interface Examined {
  readonly acknowledged: number;
  /** eventIDs that were acknowledged and are not found, or more than once, or with other bytes. */
  readonly lost: readonly string[];
  readonly twice: readonly string[];
  readonly altered: readonly string[];
  /** Found without ever having been acknowledged. */
  readonly unknown: readonly string[];
  /** Over all sources but the platform itself. */
  readonly counters: Counters;
  /** Of what the platform recorded of itself, and how many of those are found. */
  readonly own: Counters & { readonly found: number };
  readonly position: number;
  readonly verify: { readonly code: number | null; readonly text: string };
  /** What those who used it meanwhile found wrong. */
  readonly witnessed: readonly string[];
}

interface Circumstances {
  /** The variables that the platform was started with. */
  readonly env?: Readonly<Record<string, string>>;
  readonly witnesses?: readonly Witness[];
}

type Counters = Readonly<Record<(typeof COUNTERS)[number], number>>;

const COUNTERS = ['received', 'accepted', 'duplicate', 'conflict', 'refused'] as const;

/**
 * Waits until everything has caught up, hears the witnesses and reads all of it. Stops the platform, too: verify
 * reads a folder at rest.
 */
export async function examine(
  platform: Platform,
  acknowledged: ReadonlyMap<string, string>,
  { env = {}, witnesses = [] }: Circumstances = {},
): Promise<Examined> {
  await settled(platform);
  const witnessed = await testify(witnesses, () => platform, acknowledged);
  const { found, counters, ownCounters, position } = await atRest(platform);
  const { sent, own } = withoutOwn(found);
  await platform.stop();
  const { code, stdout, stderr } = await cairn(['verify', '--data', platform.dataDir], env);
  return {
    acknowledged: acknowledged.size,
    ...compare(acknowledged, sent),
    counters,
    own: { ...ownCounters, found: new Set(own.map(({ eventId }) => eventId)).size },
    position,
    verify: { code, text: stdout + stderr },
    witnessed,
  };
}

function compare(acknowledged: ReadonlyMap<string, string>, found: readonly FoundEvent[]) {
  const times = new Map<string, number>();
  for (const { eventId } of found) times.set(eventId, (times.get(eventId) ?? 0) + 1);
  return {
    lost: [...acknowledged.keys()].filter((id) => !times.has(id)),
    twice: [...times].filter(([, count]) => count > 1).map(([id]) => id),
    altered: found
      .filter(({ eventId, raw }) => acknowledged.has(eventId) && acknowledged.get(eventId) !== raw)
      .map(({ eventId }) => eventId),
    unknown: [...times.keys()].filter((id) => !acknowledged.has(id)),
  };
}

/** All of it as of one moment: the platform may have something to tell of itself in between. */
async function atRest(platform: Platform) {
  for (;;) {
    await settled(platform);
    const before = await readCounters(platform);
    const found = await allEvents(platform);
    await sealed(platform);
    const position = await metric(platform, 'cairn_journal_position');
    const { sent, own } = await readCounters(platform);
    if (own.accepted === before.own.accepted) return { found, counters: sent, ownCounters: own, position };
  }
}

/** What the journal counted, of what it was sent and of what the platform recorded of itself. */
export async function readCounters(
  platform: Pick<Platform, 'url' | 'apiKey'>,
): Promise<{ sent: Counters; own: Counters }> {
  const { sourceCounters } = await graphql<{ sourceCounters: readonly Record<string, string | number>[] }>(
    platform,
    `{ sourceCounters { source ${COUNTERS.join(' ')} } }`,
  );
  const isOwn = ({ source }: Record<string, string | number>): boolean => source === 'cairn';
  return {
    sent: sumOf(sourceCounters.filter((one) => !isOwn(one))),
    own: sumOf(sourceCounters.filter(isOwn)),
  };
}

function sumOf(all: readonly Record<string, string | number>[]): Counters {
  const sum = (name: string): number => all.reduce((total, counters) => total + Number(counters[name]), 0);
  const [received, accepted, duplicate, conflict, refused] = COUNTERS.map(sum);
  return {
    received: received ?? 0,
    accepted: accepted ?? 0,
    duplicate: duplicate ?? 0,
    conflict: conflict ?? 0,
    refused: refused ?? 0,
  };
}

/** Waits until the tail is empty. */
export async function sealed(platform: Pick<Platform, 'url'>): Promise<void> {
  while ((await metric(platform, 'cairn_journal_tail_batches')) > 0) await delay(100);
}

export async function metric(
  { url }: Pick<Platform, 'url'>,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): Promise<number> {
  const lines = (await (await fetch(`${url}/metrics`)).text()).split('\n');
  const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
  const line = lines.find(
    (one) => new RegExp(`^${name}[{ ]`).test(one) && wanted.every((label) => one.includes(label)),
  );
  if (line === undefined) throw new Error(`/metrics has no ${name} ${wanted.join(' ')}.`);
  return Number(line.slice(line.lastIndexOf(' ')));
}

/** Nothing when all is as it must be, else what is wrong, a line each. */
export function faultsOf({
  lost,
  twice,
  altered,
  unknown,
  counters,
  own,
  position,
  acknowledged,
  verify,
  witnessed,
}: Examined): readonly string[] {
  const { received, accepted, duplicate, conflict, refused } = counters;
  const list = (what: string, ids: readonly string[]): string[] =>
    ids.length === 0 ? [] : [`${ids.length} events ${what}: ${ids.slice(0, 5).join(' ')}`];
  const wrong = (is: boolean, what: string): string[] => (is ? [what] : []);
  return [
    ...list('lost', lost),
    ...list('there twice', twice),
    ...list('with other bytes', altered),
    ...list('that nobody sent', unknown),
    ...wrong(
      received !== accepted + duplicate + conflict + refused || accepted !== acknowledged,
      `counters ${JSON.stringify(counters)} for ${acknowledged} events`,
    ),
    ...wrong(
      own.conflict > 0 || own.refused > 0 || own.accepted === 0 || own.accepted !== own.found,
      `of its own ${JSON.stringify(own)}`,
    ),
    ...wrong(
      position !== acknowledged + own.accepted,
      `position ${position} for ${acknowledged} events and ${own.accepted} of its own`,
    ),
    ...wrong(verify.code !== 0, `verify: ${verify.text.slice(-2_000)}`),
    ...witnessed,
  ];
}
