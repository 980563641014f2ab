import { setTimeout as delay } from 'node:timers/promises';
import { CairnError } from '#domain/errors';

/** Where the platform is and who asks. */
export interface Connection {
  /** Origin of the platform, such as http://127.0.0.1:4600. */
  readonly url: string;
  readonly apiKey: string;
}

export type Variables = Readonly<Record<string, unknown>>;

interface GraphQLAnswer<T> {
  readonly data?: T | null;
  readonly errors?: readonly {
    readonly message: string;
    readonly path?: readonly (string | number)[];
    readonly extensions?: { readonly code?: string; readonly argument?: string };
  }[];
}

/** A refusal by the platform, told to the user as it came. */
export class PlatformError extends Error {
  readonly code: string;
  /** Where in the input the fault lies. */
  readonly path: string | undefined;

  constructor(code: string, message: string, path?: string) {
    super(message);
    this.name = 'PlatformError';
    this.code = code;
    this.path = path;
  }
}

/** A minute's worth comes back within a minute. */
const MOST_TRIES = 10;

/** Speaks GraphQL and the bulk door over HTTP. */
export class CairnClient {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** The part of the key that is no secret: cairn_<id>_<secret>. */
  get keyId(): string {
    return this.#connection.apiKey.split('_')[1] ?? '';
  }

  async query<T>(document: string, variables: Variables = {}): Promise<T> {
    const response = await this.#ask(document, variables);
    const answer = (await response.json()) as GraphQLAnswer<T>;
    const error = answer.errors?.[0];
    if (error) {
      const { code = 'INTERNAL', argument } = error.extensions ?? {};
      throw new PlatformError(code, error.message, argument);
    }
    if (!answer.data) throw new PlatformError('INTERNAL', `HTTP ${response.status} without data.`);
    return answer.data;
  }

  /** Too much in a minute is waited for; a mutation is left to its caller, who knows what it has begun. */
  async #ask(query: string, variables: Variables): Promise<Response> {
    for (let tries = 1; ; tries += 1) {
      const response = await this.request('/graphql', {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept: 'application/graphql-response+json' },
        body: JSON.stringify({ query, variables }),
      });
      const isOver = response.status !== 429 || tries === MOST_TRIES || /^\s*mutation/.test(query);
      if (isOver) return response;
      await response.body?.cancel();
      await delay(1_000 * Number(response.headers.get('retry-after') ?? 1));
    }
  }

  async request(path: string, init: RequestInit): Promise<Response> {
    const headers = new Headers(init.headers);
    headers.set('authorization', `Bearer ${this.#connection.apiKey}`);
    try {
      return await fetch(new URL(path, this.#connection.url), { ...init, headers });
    } catch (cause) {
      const why = reasonOf(cause);
      throw new CairnError('UNAVAILABLE', `Cannot reach ${this.#connection.url}${why}: is Cairn running?`, {
        cause,
      });
    }
  }
}

/** What fetch hides: ` (ECONNREFUSED)` where nobody listens, ` (UND_ERR_SOCKET)` where the connection broke. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error && 'code' in cause ? ` (${String(cause.code)})` : '';
}
