import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buildClientSchema, getIntrospectionQuery, type IntrospectionQuery } from 'graphql';
import { Random } from '#domain/generator/random';
import { graphql, postEvents, settled } from '#test/acceptance/client';
import { cairn, type Platform } from '#test/acceptance/platform';
import { ATTACKS, type Armoury } from '#test/fuzz/attacks';
import { Hostile } from '#test/fuzz/hostile';
import { exportFindings } from '#test/fuzz/hostile-export';
import { hostileEvent } from '#test/fuzz/hostile-events';
import { judge } from '#test/fuzz/judge';
import { metric } from '#test/soak/examine';

export interface FuzzOptions {
  readonly seed: number;
  readonly inputs: number;
  /** Ends earlier when it says so. */
  readonly isOver?: () => boolean;
  readonly say?: (line: string) => void;
}

export interface FuzzReport {
  readonly inputs: number;
  readonly byKind: Readonly<Record<string, number>>;
  readonly acknowledged: number;
  /** Each names its seed, its input and what was wrong. */
  readonly findings: readonly string[];
  /** The most that the api had in memory, MB. */
  readonly megabytes: number;
}

const ACCOUNT = '111122223333';
const STRANGER = '444455556666';
/** Stands in everything that the attacker's keys may not see. */
const MARKER = 'zebra-5f0c2e91';
const AT_ONCE = 8;
const FINDINGS = 20;
/** At rest some 200 MB, and what is allowed for answers and bodies. */
const MOST_MEGABYTES = 900;
const PAGE = 40;

/** Attacks a running platform with so many inputs, and looks at what is left of it. Stops it, to verify its log. */
export async function fuzzPlatform(platform: Platform, options: FuzzOptions): Promise<FuzzReport> {
  const scene = await setScene(platform);
  const born = await metric(platform, 'process_start_time_seconds');
  const findings: string[] = [];
  const byKind: Record<string, number> = {};
  let next = 0;
  let megabytes = 0;
  const attack = async (): Promise<void> => {
    while (next < options.inputs && findings.length < FINDINGS && options.isOver?.() !== true) {
      const input = (next += 1);
      const kind = kindOf(options.seed, input);
      byKind[kind] = (byKind[kind] ?? 0) + 1;
      for (const fault of await runInput(scene, kind, { ...options, input })) {
        findings.push(`seed ${options.seed}, input ${input} (${kind}): ${fault}`);
      }
      if (input % 100 === 0) {
        megabytes = Math.max(megabytes, (await metric(platform, 'process_resident_memory_bytes')) / 2 ** 20);
        options.say?.(`${input} inputs, ${findings.length} findings, ${Math.round(megabytes)} MB`);
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, attack));
  findings.push(...(await aftermath(platform, scene, born)));
  if (megabytes > MOST_MEGABYTES) findings.push(`${Math.round(megabytes)} MB in the api`);
  return { inputs: next, byKind, acknowledged: scene.acknowledged.size, findings, megabytes };
}

interface Scene extends Armoury {
  readonly secrets: readonly string[];
}

function randomOf(seed: number, input: number): Random {
  return new Random(Math.imul(seed, 1_000_003) + input);
}

const WEIGHED = Object.entries(ATTACKS).flatMap(([kind, [weight]]) => Array<string>(weight).fill(kind));

function kindOf(seed: number, input: number): string {
  return WEIGHED[randomOf(seed, -input).below(WEIGHED.length)] ?? 'query';
}

async function runInput(
  scene: Scene,
  kind: string,
  { seed, input }: FuzzOptions & { readonly input: number },
): Promise<readonly string[]> {
  const [, attack] = ATTACKS[kind] ?? [];
  try {
    const answer = await attack?.(scene, new Hostile(randomOf(seed, input)));
    return answer === undefined ? ['no such kind'] : judge(answer, scene.secrets);
  } catch (error) {
    return [String(error)];
  }
}

async function setScene(platform: Platform): Promise<Scene> {
  const strange = await createAccount(platform, STRANGER, MARKER);
  await createAccount(platform, ACCOUNT, 'attacked');
  const keys = [
    await createKey(platform, { name: 'a', role: 'ADMINISTRATOR', accounts: [ACCOUNT] }),
    await createKey(platform, { name: 'b', role: 'AUDITOR', accounts: [ACCOUNT] }),
    await createKey(platform, { name: 'c', role: 'INGEST', accounts: [ACCOUNT] }),
  ] as const;
  const stranger = await createKey(platform, { name: MARKER, role: 'ADMINISTRATOR', accounts: [STRANGER] });
  const hostile = new Hostile(new Random(1));
  const texts = Array.from({ length: 20 }, () => marked(hostileEvent(hostile, STRANGER)));
  await postEvents(platform, texts.join('\n'), `?account=${STRANGER}&import=fuzz`);
  await settled(platform);
  const asStranger = { url: platform.url, apiKey: stranger };
  const { events } = await graphql<Ids>(asStranger, '{ events(first: 50) { edges { node { id } } } }');
  const introspection = await graphql<IntrospectionQuery>(platform, getIntrospectionQuery());
  const masterKey = (await readFile(join(platform.dataDir, 'master.key'), 'utf8')).trim();
  return {
    url: platform.url,
    account: ACCOUNT,
    keys,
    schema: buildClientSchema(introspection),
    ids: [strange, ...events.edges.map(({ node }) => node.id)],
    acknowledged: new Set(),
    secrets: [MARKER, masterKey, ...[platform.apiKey, stranger, ...keys].map(secretPart)],
  };
}

interface Ids {
  readonly events: { readonly edges: readonly { readonly node: { readonly id: string } }[] };
}

function marked(text: string): string {
  return text.replace(/^\{/, `{"sharedEventID":"${MARKER}","additionalEventData":{"z":"${MARKER}"},`);
}

/** What stands behind the key's id, which may be shown. */
function secretPart(key: string): string {
  return key.slice(key.lastIndexOf('_') + 1);
}

async function createAccount(platform: Platform, id: string, name: string): Promise<string> {
  await graphql(
    platform,
    'mutation ($input: CreateAccountInput!) { createAccount(input: $input) { userErrors { code } } }',
    { input: { id, name } },
  );
  return id;
}

async function createKey(platform: Platform, input: object): Promise<string> {
  const { createApiKey } = await graphql<{ createApiKey: { secret: string } }>(
    platform,
    'mutation ($input: CreateApiKeyInput!) { createApiKey(input: $input) { secret } }',
    { input },
  );
  return createApiKey.secret;
}

/** The platform afterwards: the same process, well, with all that it acknowledged, and nothing in its log. */
async function aftermath(platform: Platform, scene: Scene, born: number): Promise<readonly string[]> {
  const findings: string[] = [];
  if ((await metric(platform, 'process_start_time_seconds')) !== born) findings.push('the api died');
  const ready = await fetch(`${platform.url}/readyz`);
  if (ready.status !== 200) findings.push(`/readyz ${ready.status}: ${await ready.text()}`);
  await settled(platform);
  const found = await allRaw({ url: platform.url, apiKey: scene.keys[1] ?? '' });
  const lost = [...scene.acknowledged].filter((text) => !found.has(text));
  if (lost.length > 0)
    findings.push(`${lost.length} acknowledged events are not found: ${lost[0]?.slice(0, 500)}`);
  findings.push(...(await exportFindings(platform, scene.keys[1] ?? '', scene.acknowledged)));
  await platform.stop();
  findings.push(...logFindings(platform, scene));
  const verified = await cairn(['verify', '--data', platform.dataDir]);
  if (verified.code !== 0) findings.push(`verify: ${verified.stdout.slice(-1_000)}${verified.stderr}`);
  return findings;
}

interface Page {
  readonly events: {
    readonly edges: readonly { readonly node: { readonly raw: string } }[];
    readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
  };
}

async function allRaw(reader: {
  readonly url: string;
  readonly apiKey: string;
}): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  for (let after: string | null = null; ;) {
    const query = `query ($after: String) { events(first: ${PAGE}, after: $after) {
      edges { node { raw } } pageInfo { hasNextPage endCursor } } }`;
    const { events }: Page = await graphql<Page>(reader, query, { after });
    for (const { node } of events.edges) found.add(node.raw);
    if (!events.pageInfo.hasNextPage) return found;
    after = events.pageInfo.endCursor;
  }
}

/** The first start prints the administrator's key, once; nothing else may stand there. */
function logFindings(platform: Platform, { secrets }: Scene): string[] {
  const log = platform.output().replace(platform.apiKey, '');
  const shown = secrets
    .filter((secret) => log.includes(secret))
    .map((secret) => `the log shows ${secret.slice(0, 8)}…`);
  const failures = log.split('\n').filter((line) => /"level":"(?:error|fatal)"/.test(line));
  return [...shown, ...failures.slice(0, 5).map((line) => `the log has ${line.slice(0, 1_500)}`)];
}
