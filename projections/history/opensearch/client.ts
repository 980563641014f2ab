import { Client } from '@opensearch-project/opensearch';
import { z } from 'zod';
import { CairnError } from '#domain/errors';

export interface OpenSearchOptions {
  /** http or https; one address, of a node or of a balancer before several. */
  readonly url: string;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** PEM of the authority that signed the server's certificate; undefined = those of the system. */
  readonly ca?: string | undefined;
}

export interface OpenSearchRequest {
  readonly query?: Readonly<Record<string, string | number | boolean>>;
  readonly body?: object;
  /** Lines of JSON, for `_bulk`. */
  readonly lines?: string;
  /** Milliseconds until the answer is given up. Default: 30 seconds. */
  readonly timeout?: number;
  /** Whether a request is sent again when its connection breaks, as idle ones do. Default: yes, once. */
  readonly resend?: boolean;
}

/** OpenSearch has answered, and said no. */
export class OpenSearchRefusal extends Error {
  readonly status: number;
  /** OpenSearch's name for the reason, such as `index_not_found_exception`. */
  readonly type: string;

  constructor(status: number, type: string, reason: string) {
    super(`OpenSearch refuses with ${status}, ${type}: ${reason}`);
    this.name = 'OpenSearchRefusal';
    this.status = status;
    this.type = type;
  }
}

const TIMEOUT_MS = 30_000;
/** Answers that tell of the server's state, not of the request. */
const PASSING = new Set([429, 502, 503, 504]);

const FAILURE = z.object({
  error: z.object({
    type: z.string(),
    root_cause: z.array(z.object({ type: z.string() })).optional(),
    caused_by: z.object({ type: z.string() }).optional(),
  }),
});

/**
 * What OpenSearch is asked through. Errors: OpenSearchRefusal for a request that it does not take, UNAVAILABLE
 * when it does not answer or cannot now. The library's own errors carry whole requests, and OpenSearch's reasons
 * quote documents: neither is passed on, so that no event's content comes into a log.
 */
export class OpenSearch {
  readonly #client: Client;

  constructor({ url, username, password, ca }: OpenSearchOptions) {
    const auth = username === undefined ? {} : { auth: { username, password: password ?? '' } };
    const ssl = ca === undefined ? {} : { ssl: { ca } };
    this.#client = new Client({ node: url, ...auth, ...ssl });
  }

  async request(method: string, path: string, request: OpenSearchRequest = {}): Promise<unknown> {
    const { query, body, lines, timeout = TIMEOUT_MS, resend = true } = request;
    const params = {
      method,
      path,
      ...(query === undefined ? {} : { querystring: { ...query } }),
      ...(body === undefined ? {} : { body }),
      ...(lines === undefined ? {} : { bulkBody: lines }),
    };
    try {
      // Not the library's repetitions: it repeats what took too long, which makes a slow server slower.
      return await this.#send(params, timeout);
    } catch (error) {
      if (!resend || !isBroken(error)) throw presentable(error);
    }
    try {
      return await this.#send(params, timeout);
    } catch (error) {
      throw presentable(error);
    }
  }

  async #send(
    params: Parameters<Client['transport']['request']>[0],
    requestTimeout: number,
  ): Promise<unknown> {
    const answer = await this.#client.transport.request(params, { requestTimeout, maxRetries: 0 });
    const content: unknown = answer.body;
    return content;
  }

  async close(): Promise<void> {
    await this.#client.close();
  }
}

/** OpenSearch does not answer, or says that it cannot now. */
export class OpenSearchAway extends CairnError {
  /** 429 when it is too busy; undefined when there was no answer. */
  readonly answer: number | undefined;

  constructor(why: string, answer?: number) {
    super('UNAVAILABLE', 'Event history cannot be reached now: its OpenSearch does not answer.', {
      retryAfter: 5,
      cause: new Error(why),
    });
    this.name = 'OpenSearchAway';
    this.answer = answer;
  }
}

export function isRefusal(error: unknown, ...types: readonly string[]): error is OpenSearchRefusal {
  return error instanceof OpenSearchRefusal && (types.length === 0 || types.includes(error.type));
}

function isBroken(error: unknown): boolean {
  return error instanceof Error && error.name === 'ConnectionError';
}

function presentable(error: unknown): Error {
  const status = statusOf(error);
  if (status === undefined) return new OpenSearchAway(error instanceof Error ? error.message : String(error));
  const failure = FAILURE.safeParse(bodyOf(error)).data?.error;
  const type = failure?.root_cause?.[0]?.type ?? failure?.type ?? 'no reason';
  const cause = failure?.caused_by?.type ?? failure?.type ?? 'none';
  if (PASSING.has(status)) return new OpenSearchAway(`It answers ${status}, ${type} (${cause}).`, status);
  if (status === 401 || (status === 403 && type === 'security_exception')) {
    return new OpenSearchAway(`It refuses the user with ${status}.`, status);
  }
  return new OpenSearchRefusal(status, type, cause);
}

const RESPONSE = z.object({ name: z.literal('ResponseError'), meta: z.object({ statusCode: z.number() }) });

/** The answer's own, not what its body may say; undefined when there was no answer. */
function statusOf(error: unknown): number | undefined {
  return RESPONSE.safeParse(error).data?.meta.statusCode;
}

function bodyOf(error: unknown): unknown {
  return error instanceof Error && 'body' in error ? error.body : undefined;
}
