import type { LookupFunction } from 'node:net';
import { isIP } from 'node:net';
import { Pool } from 'undici';
import type { Dispatcher } from 'undici';
import type { AddressGuard, Target } from '#platform/outbound/address-guard';
import { sendFailure } from '#platform/outbound/send-failure';
import type { SendFailure } from '#platform/outbound/send-failure';

export interface Outgoing {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** What a receiver said, or why it said nothing. Never what it wrote: that is a stranger's. */
export type SendResult =
  | {
      readonly status: number;
      /** Seconds that the receiver asks to be left alone. */
      readonly retryAfter: number | undefined;
    }
  | SendFailure;

interface SenderOptions {
  readonly guard: Pick<AddressGuard, 'check'>;
  readonly userAgent: string;
  /** Authorities in place of the machine's, for tests. */
  readonly ca?: string;
  readonly connectMs?: number;
  /** Milliseconds for one request from the name's resolution to the answer's status. */
  readonly wholeMs?: number;
}

const CONNECT_MS = 5_000;
const WHOLE_MS = 15_000;
/** For the body of an answer, which nobody reads: what is not here by then is left with the connection. */
const DRAIN_MS = 1_000;
const DRAIN_BYTES = 4_096;
const HEADER_BYTES = 16_384;
/** Connections to one receiver: beyond it requests wait, and their time runs. Receivers that some are kept to. */
const CONNECTIONS = 16;
const TARGETS = 64;
const KEEP_ALIVE_MS = 4_000;

/**
 * Posts to addresses that users gave: each goes through the guard first, and the connection to nowhere but the
 * addresses that it has seen. Redirects are answers like any other; no cookies, no proxies.
 */
export class Sender {
  readonly #options: SenderOptions;
  /** The one used last at the end. */
  readonly #pools = new Map<string, Pool>();

  constructor(options: SenderOptions) {
    this.#options = options;
  }

  /** Never rejects because of the receiver; `signal` (the process ends) counts as a failure, too. */
  async post({ url, headers, body }: Outgoing, signal?: AbortSignal): Promise<SendResult> {
    const { guard, userAgent, wholeMs = WHOLE_MS } = this.#options;
    const late = AbortSignal.timeout(wholeMs);
    const stop = signal === undefined ? late : AbortSignal.any([late, signal]);
    try {
      const target = await guard.check(url);
      const answer = await this.#poolOf(target).request({
        method: 'POST',
        path: target.path,
        headers: { ...headers, 'user-agent': userAgent },
        body,
        signal: stop,
        headersTimeout: wholeMs,
        bodyTimeout: wholeMs,
      });
      await drain(answer.body);
      return { status: answer.statusCode, retryAfter: retryAfterOf(answer.headers['retry-after']) };
    } catch (error) {
      return sendFailure(error, late.aborted);
    }
  }

  async close(): Promise<void> {
    const pools = [...this.#pools.values()];
    this.#pools.clear();
    await Promise.all(pools.map((pool) => pool.destroy()));
  }

  #poolOf({ origin, addresses }: Target): Pool {
    const key = [origin, ...addresses.toSorted()].join(' ');
    const pool = this.#pools.get(key) ?? this.#openPool(origin, addresses);
    this.#pools.delete(key);
    this.#pools.set(key, pool);
    for (const [oldest, old] of this.#pools) {
      if (this.#pools.size <= TARGETS) break;
      this.#pools.delete(oldest);
      // Ends what is in hand first. Nobody waits for it, and there is nobody to tell.
      old.close().catch(() => undefined);
    }
    return pool;
  }

  #openPool(origin: string, addresses: readonly string[]): Pool {
    const { connectMs = CONNECT_MS, ca } = this.#options;
    return new Pool(origin, {
      connections: CONNECTIONS,
      pipelining: 1,
      allowH2: false,
      maxHeaderSize: HEADER_BYTES,
      keepAliveTimeout: KEEP_ALIVE_MS,
      keepAliveMaxTimeout: KEEP_ALIVE_MS,
      connect: {
        timeout: connectMs,
        // Also where the environment says otherwise (NODE_TLS_REJECT_UNAUTHORIZED).
        rejectUnauthorized: true,
        lookup: pinned(addresses),
        ...(ca !== undefined && { ca }),
      },
    });
  }
}

/** Answers every question for a name with the addresses that were checked. */
function pinned(addresses: readonly string[]): LookupFunction {
  const all = addresses.map((address) => ({ address, family: isIP(address) }));
  return (_, { all: wantsAll }, callback) => {
    const [first] = all;
    if (wantsAll === true) callback(null, all);
    else callback(null, first?.address ?? '', first?.family ?? 4);
  };
}

/** A short answer is read, so that its connection can be used again; any other is cut off. The status counts. */
async function drain(body: Dispatcher.ResponseData['body']): Promise<void> {
  await body.dump({ limit: DRAIN_BYTES, signal: AbortSignal.timeout(DRAIN_MS) }).catch(() => body.destroy());
}

/** In seconds or as a date (RFC 9110, 10.2.3). */
function retryAfterOf(header: string | string[] | undefined): number | undefined {
  const text = [header ?? []].flat()[0]?.trim() ?? '';
  if (/^\d{1,9}$/.test(text)) return Number(text);
  const at = /^[A-Z][a-z]{2}, \d{2} /.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(at) ? undefined : Math.max(0, Math.ceil((at - Date.now()) / 1_000));
}
