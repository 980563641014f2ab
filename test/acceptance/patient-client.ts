import { setTimeout as delay } from 'node:timers/promises';

interface Reachable {
  readonly url: string;
  readonly apiKey: string;
}

interface Answer {
  readonly data?: unknown;
  readonly errors?: readonly { readonly message: string; readonly extensions?: { readonly code?: string } }[];
}

/** Codes that say: the same request may succeed later. */
const LATER = new Set(['UNAVAILABLE', 'TIMEOUT', 'TOO_MANY_REQUESTS']);
const RETRY_MS = 50;

/**
 * Asks as README tells a client to: again after a connection error, 429 and 503, and after a code that says so.
 * Resolves with the first other answer.
 */
export async function askPatiently(
  { url, apiKey }: Reachable,
  query: string,
  variables: Readonly<Record<string, unknown>>,
  stop: AbortSignal = new AbortController().signal,
): Promise<Answer | undefined> {
  while (!stop.aborted) {
    const answer = await ask({ url, apiKey }, query, variables);
    if (answer !== undefined && !answer.errors?.some(({ extensions }) => LATER.has(extensions?.code ?? ''))) {
      return answer;
    }
    await delay(RETRY_MS);
  }
  return undefined;
}

/** Undefined when there is no answer, or one that asks for patience. */
async function ask(
  { url, apiKey }: Reachable,
  query: string,
  variables: Readonly<Record<string, unknown>>,
): Promise<Answer | undefined> {
  let response: Response;
  try {
    response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${apiKey}` },
      body: JSON.stringify({ query, variables }),
    });
    if (response.status === 429 || response.status === 503) {
      await response.arrayBuffer();
      return undefined;
    }
    return (await response.json()) as Answer;
  } catch (error) {
    // Connections are refused and broken: that is what is being tried. Anything else is a fault of the answer.
    if (error instanceof TypeError || (error instanceof Error && error.name === 'AbortError'))
      return undefined;
    throw error;
  }
}

/** One question to every subgraph, joins included. */
const EVERYTHING = `query ($account: AccountId!) {
  events(first: 5) { edges { node { eventId raw } } }
  account(id: $account) { id name latestCheckpoint { size } }
  apiKeys(first: 2) { edges { node { id } } }
  publicKeys { vkey }
}`;

/** Readers that keep asking; what a patient one was refused is kept. */
export class Readers {
  readonly failures: string[] = [];
  answered = 0;
  readonly #stop = new AbortController();
  readonly #reading: Promise<unknown>;

  constructor(place: Reachable, count: number) {
    this.#reading = Promise.all(Array.from({ length: count }, () => this.#keepReading(place)));
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#reading;
  }

  async #keepReading(place: Reachable): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const answer = await askPatiently(place, EVERYTHING, { account: '000000000000' }, this.#stop.signal);
      if (answer === undefined) return;
      if (answer.errors !== undefined) this.failures.push(JSON.stringify(answer.errors));
      else this.answered += 1;
      await delay(RETRY_MS);
    }
  }
}
