import { buildSchema } from 'graphql';
import { READERS_MUTATIONS } from '#domain/principal';
import {
  type Samples,
  type WalkedOperation,
  entityOperations,
  rootOperations,
} from '#test/federation/operations';
import { type Answer, ask, codesOf } from '#test/federation/serve';

/** A running platform with something in it that one key may see and another may not. */
export interface WalkedPlatform {
  readonly gateway: { readonly url: string; readonly sdl: string };
  readonly doors: readonly { readonly url: string; readonly sdl: string }[];
  readonly keys: {
    readonly administrator: string;
    readonly auditor: string;
    readonly ingest: string;
    /** Reads, but only another account than that of `owned`. */
    readonly foreign: string;
  };
  /** Arguments that name what belongs to the account. */
  readonly owned: Samples;
  /** The same arguments, naming what does not exist. */
  readonly missing: Samples;
  /** The id of an entity, by type: of the account, or of nothing. */
  readonly entity: (type: string) => { readonly owned: string; readonly missing: string };
  /** Texts that no foreign key may ever be shown: the account's id, words of its events. */
  readonly secrets: readonly string[];
  /** Mutations that are there for ingest keys. */
  readonly ingestMutations: readonly string[];
}

export interface WalkReport {
  /** Operations sent. */
  readonly asked: number;
  /** What a key could do and should not have; empty when all is well. */
  readonly findings: readonly string[];
  /** Queries and entities that showed the administrator nothing: there the walk proves nothing. */
  readonly blind: readonly string[];
}

interface Place {
  readonly url: string;
  readonly queries: readonly Pair[];
  readonly mutations: readonly WalkedOperation[];
}

/** The same operation on what is there and on what is not. */
interface Pair {
  readonly owned: WalkedOperation;
  readonly missing: WalkedOperation;
}

/** Asks every field and every entity, at the gateway and at each subgraph's door, with every kind of key. */
export async function walkRoles(platform: WalkedPlatform): Promise<WalkReport> {
  const walk = new RoleWalk(platform);
  for (const place of placesOf(platform)) {
    for (const pair of place.queries) await walk.query(place.url, pair);
    for (const mutation of place.mutations) await walk.mutation(place.url, mutation);
  }
  return walk;
}

function placesOf({ gateway, doors, owned, missing, entity }: WalkedPlatform): Place[] {
  return [gateway, ...doors].map(({ url, sdl }) => {
    const schema = buildSchema(sdl, { assumeValidSDL: true });
    const pairs = (there: WalkedOperation[], nowhere: WalkedOperation[]): Pair[] =>
      there.map((operation, index) => ({ owned: operation, missing: nowhere[index] ?? operation }));
    return {
      url,
      queries: [
        ...pairs(rootOperations(schema, 'query', owned), rootOperations(schema, 'query', missing)),
        ...pairs(
          entityOperations(schema, (type) => entity(type).owned),
          entityOperations(schema, (type) => entity(type).missing),
        ),
      ],
      mutations: rootOperations(schema, 'mutation', missing),
    };
  });
}

class RoleWalk implements WalkReport {
  asked = 0;
  readonly findings: string[] = [];
  readonly blind: string[] = [];
  readonly #platform: WalkedPlatform;

  constructor(platform: WalkedPlatform) {
    this.#platform = platform;
  }

  async query(url: string, { owned, missing }: Pair): Promise<void> {
    const { keys } = this.#platform;
    const shown = await this.#ask(url, owned, keys.administrator);
    if (codesOf(shown).some((code) => code !== 'NOT_FOUND')) this.#find(url, owned, 'administrator', shown);
    if (!readsAnything(shown.body.data)) this.blind.push(`${url} ${owned.name}`);
    await this.#expectLockedOut(url, owned);

    const written = await this.#ask(url, owned, keys.ingest);
    if (readsAnything(written.body.data) || !codesOf(written).every((code) => code === 'FORBIDDEN')) {
      this.#find(url, owned, 'ingest', written);
    }
    const foreign = await this.#ask(url, owned, keys.foreign);
    const data = JSON.stringify(foreign.body.data ?? null);
    if (this.#platform.secrets.some((secret) => data.includes(secret)))
      this.#find(url, owned, 'foreign', foreign);
    if (JSON.stringify(owned.variables) === JSON.stringify(missing.variables)) return;
    const nowhere = await this.#ask(url, missing, keys.foreign);
    if (worded(foreign, owned) !== worded(nowhere, missing)) {
      this.#find(url, owned, 'foreign, unlike what does not exist', foreign);
    }
  }

  async mutation(url: string, mutation: WalkedOperation): Promise<void> {
    const { keys, ingestMutations } = this.#platform;
    await this.#expectLockedOut(url, mutation);
    if (!READERS_MUTATIONS.has(mutation.name)) {
      await this.#expectForbidden(url, mutation, keys.auditor);
      await this.#expectForbidden(url, mutation, keys.foreign);
    }
    if (!ingestMutations.includes(mutation.name)) await this.#expectForbidden(url, mutation, keys.ingest);
  }

  async #expectLockedOut(url: string, operation: WalkedOperation): Promise<void> {
    const answer = await this.#ask(url, operation, null);
    if (answer.status !== 401 || codesOf(answer)[0] !== 'UNAUTHENTICATED')
      this.#find(url, operation, 'no key', answer);
  }

  async #expectForbidden(url: string, operation: WalkedOperation, key: string): Promise<void> {
    const answer = await this.#ask(url, operation, key);
    const { codes, changed } = outcomeOf(answer);
    if (changed || codes.length === 0 || codes.some((code) => code !== 'FORBIDDEN')) {
      this.#find(url, operation, key, answer);
    }
  }

  #ask(url: string, { query, variables }: WalkedOperation, key: string | null): Promise<Answer> {
    this.asked += 1;
    return ask(url, { query, variables, key, headers: { 'x-request-id': 'walk' } });
  }

  #find(url: string, { name, query }: WalkedOperation, who: string, { status, body }: Answer): void {
    const path = new URL(url).pathname;
    this.findings.push(
      `${path} ${name}, ${who}: ${status} ${JSON.stringify(body).slice(0, 500)} for ${query}`,
    );
  }
}

/** Refusals of a mutation are errors, or data under `userErrors`; whatever else it answers, it has done. */
function outcomeOf(answer: Answer): { readonly codes: readonly unknown[]; readonly changed: boolean } {
  const payloads = Object.values(answer.body.data ?? {}).map((payload) => ({
    ...(payload as Payload | null),
  }));
  const codes = payloads.flatMap(({ userErrors = [] }) => userErrors.map(({ code }) => code));
  const changed = payloads.some(({ userErrors: _refusals, ...rest }) => readsAnything(rest));
  return { codes: [...codesOf(answer), ...codes], changed };
}

interface Payload {
  readonly userErrors?: readonly { readonly code: string }[];
}

/** A value came out, be it empty text; names of types, empty lists and what surrounds them say nothing. */
function readsAnything(value: unknown, name = ''): boolean {
  if (value === null || value === undefined || name === '__typename') return false;
  if (Array.isArray(value)) return value.some((item) => readsAnything(item));
  if (typeof value === 'object') return Object.entries(value).some(([key, item]) => readsAnything(item, key));
  return true;
}

/** An answer without what differs from one request to the next, and without the ids that were asked for. */
function worded({ status, body }: Answer, { variables }: WalkedOperation): string {
  const errors = body.errors?.map(({ message, path, extensions }) => ({
    message,
    path,
    extensions: { ...extensions, reference: '' },
  }));
  let text = JSON.stringify({ status, data: body.data, errors });
  for (const id of textsIn(variables)) text = text.replaceAll(id, '<asked>');
  return text;
}

function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return value.length > 3 ? [value] : [];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, item]) => (key === '__typename' ? [] : textsIn(item)));
}
