import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { CairnError } from '#domain/errors';
import { type Principal, shareOf } from '#domain/principal';
import { readBody, type BodyLimits } from '#subgraphs/events/bulk/read-body';
import { Tally, type BulkReport } from '#subgraphs/events/bulk/report';
import { Lingering } from '#platform/http/lingering';
import { refuseSlowly } from '#platform/http/refuse-slowly';
import type { EventRecorder, RecordRequest } from '#subgraphs/events/record';

export interface BulkLimits extends BodyLimits {
  /** Bodies that are read at the same time. */
  readonly maxBodies: number;
  /** Of those, bodies of one account, by whatever keys: one that sends slowly must not lock the others out. */
  readonly maxBodiesPerAccount: number;
  /** Milliseconds that the rest of a refused body is read and thrown away, so that the answer is not lost. */
  readonly lingerMs: number;
}

export const BULK_LIMITS: BulkLimits = {
  maxBytes: 64 * 2 ** 30,
  maxRatio: 200,
  freeBytes: 32 * 2 ** 20,
  idleMs: 30_000,
  totalMs: 3_600_000,
  batchEvents: 2_000,
  batchBytes: 2 * 2 ** 20,
  batchesInFlight: 2,
  maxBodies: 32,
  maxBodiesPerAccount: 16,
  lingerMs: 2_000,
};

export interface BulkDoorDependencies {
  /** Null for a missing, unknown, expired or revoked key. */
  readonly authenticate: (authorization: string | undefined) => Promise<Principal | null>;
  readonly recorder: EventRecorder;
  readonly log: { error(attributes: Record<string, unknown>, message: string): void };
  readonly limits?: Partial<BulkLimits>;
}

/** What went wrong, beside the counts of what was recorded before. */
export interface BulkError {
  readonly code: string;
  readonly message: string;
  readonly path?: string | undefined;
  /** Seconds after which the same body may be sent again. Sending it again is always safe. */
  readonly retryAfter?: number | undefined;
}

type Answer = Partial<BulkReport> & { readonly error?: BulkError; readonly requestId: string };
export type BulkDoor = (
  request: IncomingMessage,
  response: ServerResponse,
  requestId: string,
) => Promise<void>;

const DEFAULT_REFUSALS = 100;
const MAX_REFUSALS = 10_000;
const BUSY_SECONDS = 2;

/**
 * `POST /v1/events?account=&import=&refusals=`: events in bulk. The body is NDJSON, a JSON array or CloudTrail's
 * `{"Records": [...]}`, plain, gzip or zstd, of any length; it is recorded while it comes in. Answers a
 * BulkReport with 200 when the body was read to its end, whatever became of single events; else with the error's
 * status, `error`, and the counts of what was recorded before.
 */
export function createBulkDoor(dependencies: BulkDoorDependencies): BulkDoor {
  const limits = { ...BULK_LIMITS, ...dependencies.limits };
  const lingering = new Lingering();
  const all = new Places(limits.maxBodies);
  const ofGroups = new Map<string, Places>();

  const ofGroup = async <T>(group: string, work: () => Promise<T>): Promise<T> => {
    const places = ofGroups.get(group) ?? new Places(limits.maxBodiesPerAccount);
    ofGroups.set(group, places);
    try {
      return await places.take(work);
    } finally {
      if (places.taken === 0) ofGroups.delete(group);
    }
  };

  return async (request, response, requestId) => {
    const take = (): Promise<Tally> =>
      all.take(async () => {
        const principal = await authenticated(request, dependencies);
        return ofGroup(shareOf(principal).group, () =>
          record(request, principal, { ...dependencies, limits }),
        );
      });
    if (request.method !== 'POST') {
      response.setHeader('Allow', 'POST');
      const error = { code: 'INVALID_ARGUMENT', message: 'Events are sent with POST.' };
      send(response, 405, { error, requestId });
      return;
    }
    try {
      const tally = await take();
      send(response, 200, { ...tally.report(), requestId });
    } catch (failure) {
      const reason = failure instanceof Interrupted ? failure.reason : failure;
      // Outside of the places for bodies, which are others' meanwhile.
      if (reason instanceof CairnError) await refuseSlowly(reason.status);
      sendFailure(response, failure, { requestId, log: dependencies.log });
    }
    lingering.read(request, limits.lingerMs);
  };
}

/** A failure, with what was recorded before it. */
class Interrupted extends Error {
  constructor(
    readonly reason: unknown,
    readonly tally: Tally,
  ) {
    super('The body was not read to its end.', { cause: reason });
  }
}

/** Bodies that are read at the same time. */
class Places {
  taken = 0;

  constructor(private readonly limit: number) {}

  async take<T>(work: () => Promise<T>): Promise<T> {
    if (this.taken >= this.limit) {
      throw new CairnError('TOO_MANY_REQUESTS', `${this.limit} bodies are being read already.`, {
        retryAfter: BUSY_SECONDS,
      });
    }
    this.taken += 1;
    try {
      return await work();
    } finally {
      this.taken -= 1;
    }
  }
}

async function authenticated(
  { headers }: IncomingMessage,
  { authenticate }: Pick<BulkDoorDependencies, 'authenticate'>,
): Promise<Principal> {
  const principal = await authenticate(headers.authorization);
  if (principal !== null) return principal;
  throw new CairnError('UNAUTHENTICATED', 'Send a valid API key: Authorization: Bearer cairn_...');
}

async function record(
  request: IncomingMessage,
  principal: Principal,
  { recorder, limits }: { readonly recorder: EventRecorder; readonly limits: BulkLimits },
): Promise<Tally> {
  const { maxRefusals, ...query } = queryOf(request);
  const intake = recorder.open({ principal, ...query });
  const tally = new Tally(intake.source, maxRefusals);
  try {
    await readBody({ request, intake, recorder, tally, limits });
  } catch (reason) {
    throw new Interrupted(reason, tally);
  }
  return tally;
}

function queryOf(request: IncomingMessage): Omit<RecordRequest, 'principal'> & { maxRefusals: number } {
  const { searchParams } = new URL(request.url ?? '/', 'http://localhost');
  const refusals = searchParams.get('refusals') ?? String(DEFAULT_REFUSALS);
  if (!/^\d{1,5}$/.test(refusals) || Number(refusals) > MAX_REFUSALS) {
    throw new CairnError('INVALID_ARGUMENT', `refusals is a number from 0 to ${MAX_REFUSALS}.`, {
      path: 'refusals',
    });
  }
  return {
    account: searchParams.get('account') ?? undefined,
    importId: searchParams.get('import') ?? undefined,
    maxRefusals: Number(refusals),
  };
}

interface Failing {
  readonly requestId: string;
  readonly log: BulkDoorDependencies['log'];
}

function sendFailure(response: ServerResponse, failure: unknown, { requestId, log }: Failing): void {
  const interrupted = failure instanceof Interrupted;
  const reason = interrupted ? failure.reason : failure;
  const report = interrupted ? failure.tally.report() : {};
  if (!(reason instanceof CairnError)) {
    // Nobody is left to answer when the sender has gone.
    if (response.destroyed) return;
    const reference = randomBytes(8).toString('hex');
    log.error({ err: reason, reference, requestId }, 'bulk recording failed');
    const message = `Something went wrong here; it is logged under reference ${reference}.`;
    send(response, 500, { ...report, error: { code: 'INTERNAL', message }, requestId });
    return;
  }
  const { code, message, path, status } = reason;
  const retryAfter = reason.retryable ? Math.ceil(reason.retryAfter ?? BUSY_SECONDS) : undefined;
  if (retryAfter !== undefined) response.setHeader('Retry-After', String(retryAfter));
  if (status === 401) response.setHeader('WWW-Authenticate', 'Bearer');
  send(response, status, { ...report, error: { code, message, path, retryAfter }, requestId });
}

function send(response: ServerResponse, status: number, answer: Answer): void {
  const body = Buffer.from(`${JSON.stringify(answer)}\n`);
  response.writeHead(status, {
    'Content-Type': 'application/json',
    'Content-Length': body.length,
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    'X-Request-Id': answer.requestId,
  });
  response.end(body);
}
