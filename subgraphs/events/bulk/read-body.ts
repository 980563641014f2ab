import type { IncomingMessage } from 'node:http';
import { withinTime, type ReadTimes } from '#subgraphs/events/bulk/deadline';
import { decode, type DecodeLimits } from '#subgraphs/events/bulk/decode';
import { InFlight } from '#subgraphs/events/bulk/in-flight';
import type { Tally } from '#subgraphs/events/bulk/report';
import { Splitter, type Cut } from '#subgraphs/events/bulk/splitter';
import { CairnError } from '#domain/errors';
import { MAX_EVENT_BYTES } from '#domain/event-parse';
import type { EventRecorder, Intake } from '#subgraphs/events/record';

export interface BodyLimits extends DecodeLimits, ReadTimes {
  /** A batch goes to the journal when it has this many events or bytes. */
  readonly batchEvents: number;
  readonly batchBytes: number;
  /** Batches of one body that the journal may hold at a time; then the body is not read on. */
  readonly batchesInFlight: number;
}

export interface Body {
  readonly request: IncomingMessage;
  readonly intake: Intake;
  readonly recorder: EventRecorder;
  readonly tally: Tally;
  readonly limits: BodyLimits;
}

/** Of a batch, while others record: each of their batches waits for one of ours to be committed. */
const CONTENDED_SHARE = 0.1;

const LINES = /^application\/(x-)?(ndjson|jsonl|json-?lines)\b/i;

/**
 * Reads a body to its end and records its events while it comes in. Whatever happens, what was read whole is
 * recorded and in the tally before this returns or throws: a damaged file will not get better by being sent
 * again. The socket stays usable.
 */
export async function readBody(body: Body): Promise<void> {
  const { request } = body;
  const lines = LINES.test(request.headers['content-type'] ?? '');
  const splitter = new Splitter({ maxEventBytes: MAX_EVENT_BYTES, lines });
  const batches = new Batches(body);
  try {
    const failure = await readText(body, splitter, batches);
    // An event that was cut off because its sender is to wait will come again, whole.
    if (!isTooMuch(failure)) await batches.take(splitter.end());
    await batches.finish();
    if (failure) throw failure.reason;
  } finally {
    await batches.settle();
  }
  if (splitter.fault) {
    const { message, offset } = splitter.fault;
    throw new CairnError('INVALID_JSON', `${message} Byte ${offset} of the body.`, { path: 'body' });
  }
}

async function readText(
  { request, intake, limits }: Body,
  splitter: Splitter,
  batches: Batches,
): Promise<{ readonly reason: unknown } | undefined> {
  const received: AsyncIterable<Buffer> = request.iterator({ destroyOnReturn: false });
  const text = decode(received, request.headers['content-encoding'], limits);
  try {
    for await (const chunk of withinTime(text, limits)) {
      intake.receive(chunk.length);
      await intake.pause();
      await batches.take(splitter.push(chunk));
      if (splitter.fault) break;
    }
  } catch (reason) {
    return { reason };
  }
  return undefined;
}

function isTooMuch(failure: { readonly reason: unknown } | undefined): boolean {
  return failure?.reason instanceof CairnError && failure.reason.code === 'TOO_MANY_REQUESTS';
}

class Batches {
  private readonly inFlight: InFlight;
  private index = 0;

  constructor(private readonly body: Body) {
    this.inFlight = new InFlight(body.limits.batchesInFlight);
  }

  async take(cuts: readonly Cut[]): Promise<void> {
    const { intake, limits } = this.body;
    for (const cut of cuts) {
      this.add(cut);
      const part = intake.isContended ? CONTENDED_SHARE : 1;
      if (intake.count >= limits.batchEvents * part || intake.bytes >= limits.batchBytes * part)
        await this.send();
    }
  }

  async finish(): Promise<void> {
    if (this.body.intake.count > 0) await this.send();
    await this.inFlight.finish();
  }

  settle(): Promise<void> {
    return this.inFlight.settle();
  }

  private add({ kind, bytes }: Cut): void {
    const { intake, tally } = this.body;
    switch (kind) {
      case 'event':
        intake.add(bytes);
        break;
      case 'digest':
        tally.digests += 1;
        break;
      case 'too-large':
        intake.refuse({
          code: 'EVENT_TOO_LARGE',
          message: `The event has more than ${MAX_EVENT_BYTES} bytes.`,
        });
        break;
      case 'truncated':
        intake.refuse({ code: 'INVALID_JSON', message: 'The body ends inside this event.' });
        break;
    }
  }

  private async send(): Promise<void> {
    const { intake, tally, recorder } = this.body;
    await this.inFlight.start(async () => {
      const first = this.index;
      this.index += intake.count;
      await tally.add(first, await intake.commit(), recorder);
    });
  }
}
