import { setTimeout as delay } from 'node:timers/promises';
import { askPatiently } from '#test/acceptance/patient-client';
import type { WhereItIs } from '#test/soak/load';
import { startReceiver, type WebhookReceiver } from '#test/webhook-receiver';
import { ResumingStream } from '#test/witnesses/resuming-stream';
import type { Happened, Witness } from '#test/witnesses/witness';

interface Raised {
  readonly alertRaised: { readonly cursor: string; readonly event: { readonly eventId: string } };
}

interface Put {
  readonly putAlert: { readonly alert: { readonly id: string }; readonly webhookSecret: string };
}

interface Matches {
  readonly alertMatches: {
    readonly edges: readonly { readonly node: { readonly event: { readonly eventId: string } } }[];
    readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
  };
}

/** Two or three events of a hundred. */
const SOURCE = 'iam.amazonaws.com';
const PUT = `mutation ($input: PutAlertInput!) { putAlert(input: $input) { alert { id } webhookSecret } }`;
const RAISED = `subscription ($alert: ID, $after: ID) {
  alertRaised(alert: $alert, after: $after) { cursor event { eventId } }
}`;
const MATCHES = `query ($alert: ID, $after: String) {
  alertMatches(alert: $alert, first: 200, after: $after) {
    edges { node { event { eventId } } } pageInfo { hasNextPage endCursor }
  }
}`;
const PAUSE_MS = 100;
/** A delivery whose worker died is tried again after two minutes (docs/webhooks.md). */
const PATIENCE_MS = 240_000;

/**
 * Has an alert with a webhook: it must raise every event that it is about, once and in the order of recording, tell
 * its follower so, and send each at least once, signed.
 */
export class Alerted implements Witness {
  readonly name = 'alerted';
  /** Matches that were found. */
  raised = 0;
  readonly #told: string[] = [];
  readonly #stop = new AbortController();
  #where: WhereItIs = () => ({ url: '', apiKey: '' });
  #alert = '';
  #receiver: WebhookReceiver | undefined;
  #stream: ResumingStream<Raised> | undefined;

  /** The alert concerns what is recorded from now on, which is all of the load. */
  async prepare(where: WhereItIs): Promise<void> {
    this.#where = where;
    this.#receiver = await startReceiver();
    const input = {
      name: 'witness',
      filter: { eventSource: { equals: SOURCE } },
      webhook: { url: this.#receiver.url },
    };
    const { putAlert } = await this.#ask<Put>(PUT, { input });
    this.#alert = putAlert.alert.id;
    this.#receiver.secret = putAlert.webhookSecret;
  }

  start(where: WhereItIs): void {
    this.#stream = new ResumingStream<Raised>({
      query: RAISED,
      variables: (after) => ({ alert: this.#alert, after }),
      take: ({ alertRaised: { cursor, event } }) => {
        this.#told.push(event.eventId);
        return cursor;
      },
      where: () => ({ url: `${where().url}/graphql`, apiKey: where().apiKey }),
    });
  }

  async finish({ acknowledged, recorded }: Happened): Promise<readonly string[]> {
    const wanted = recorded.filter((id) => acknowledged.get(id)?.includes(`"eventSource":"${SOURCE}"`));
    this.raised = wanted.length;
    await this.#until(() => this.#told.at(-1) === wanted.at(-1));
    await this.#until(() => this.#sent().size >= wanted.length);
    const matches = await this.#matches();
    const { faults = [] } = this.#stream ?? {};
    const unsigned = this.#receiver?.received.filter(({ verified }) => !verified).length ?? 0;
    const sent = this.#sent();
    const ids = new Set(this.#receiver?.received.map(({ id }) => id));
    this.abandon();
    await this.#stream?.end();
    // Before it was connected nothing was told: there was no cursor to begin from.
    const told = wanted.slice(wanted.indexOf(this.#told[0] ?? ''));
    const wrong = (is: boolean, what: string): string[] => (is ? [what] : []);
    return [
      ...faults,
      ...wrong(
        !isSame(matches, wanted),
        `${matches.length} matches of ${wanted.length}, or in another order`,
      ),
      ...wrong(!isSame(this.#told, told), `told ${this.#told.length} of ${told.length}, or in another order`),
      ...wrong(
        wanted.some((id) => !sent.has(id)),
        `sent ${sent.size} of ${wanted.length}`,
      ),
      ...wrong(ids.size !== sent.size, `${ids.size} webhook-ids for ${sent.size} events`),
      ...wrong(unsigned > 0, `${unsigned} requests with a wrong signature`),
    ];
  }

  abandon(): void {
    this.#stop.abort();
    void this.#stream?.end();
    const receiver = this.#receiver;
    this.#receiver = undefined;
    void receiver?.close();
  }

  /** eventIDs that the webhook was told. */
  #sent(): Set<string> {
    const bodies = this.#receiver?.received.map(({ body }) => body.toString()) ?? [];
    return new Set(
      bodies.map((text) => (JSON.parse(text) as { data: { event: { eventID: string } } }).data.event.eventID),
    );
  }

  async #matches(): Promise<string[]> {
    const found: string[] = [];
    for (let after: string | null = null, more = true; more;) {
      const { alertMatches }: Matches = await this.#ask<Matches>(MATCHES, { alert: this.#alert, after });
      found.push(...alertMatches.edges.map(({ node }) => node.event.eventId));
      after = alertMatches.pageInfo.endCursor;
      more = alertMatches.pageInfo.hasNextPage;
    }
    return found.toReversed();
  }

  async #ask<T>(query: string, variables: Readonly<Record<string, unknown>>): Promise<T> {
    const answer = await askPatiently(this.#where(), query, variables, this.#stop.signal);
    if (answer?.data === undefined || answer.errors !== undefined) throw new Error(JSON.stringify(answer));
    return answer.data as T;
  }

  async #until(isReached: () => boolean): Promise<void> {
    const deadline = Date.now() + PATIENCE_MS;
    while (!isReached() && Date.now() < deadline) await delay(PAUSE_MS);
  }
}

function isSame(some: readonly string[], others: readonly string[]): boolean {
  return some.length === others.length && some.every((id, index) => id === others[index]);
}
