import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { Networks } from '#platform/http/client-address';
import { isPublicAddress } from '#platform/outbound/public-address';

/** All addresses of a name, as the machine's own resolver gives them. */
export type Resolve = (host: string) => Promise<readonly string[]>;

/** Where a request may go: to these addresses and to no others, whatever the name says a moment later. */
export interface Target {
  /** `https://hooks.example.com` */
  readonly origin: string;
  /** With the query. */
  readonly path: string;
  readonly addresses: readonly string[];
}

export type TargetFault = 'MALFORMED' | 'NOT_HTTPS' | 'UNKNOWN_HOST' | 'NOT_ALLOWED';

/** An address that nothing is sent to. Its message quotes nothing of it: paths and queries are often secrets. */
export class TargetRefused extends Error {
  readonly fault: TargetFault;

  constructor(fault: TargetFault, message: string) {
    super(message);
    this.name = 'TargetRefused';
    this.fault = fault;
  }

  /** Whether the same address may be good later: names move, and come back. */
  get retryable(): boolean {
    return this.fault !== 'MALFORMED';
  }
}

interface GuardOptions {
  /** Networks that may be reached although they are not public; plain HTTP goes only there. */
  readonly networks: readonly string[];
  readonly resolve?: Resolve;
  /** Milliseconds that the resolver may take; 5,000 unless told. */
  readonly resolveMs?: number;
}

const MAX_LENGTH = 2_048;
const RESOLVE_MS = 5_000;

/** Decides whether Cairn may send something to an address that a user gave it. */
export class AddressGuard {
  readonly #networks: Networks;
  readonly #resolve: Resolve;
  readonly #resolveMs: number;

  constructor({ networks, resolve = resolveHost, resolveMs = RESOLVE_MS }: GuardOptions) {
    this.#networks = new Networks(networks);
    this.#resolve = resolve;
    this.#resolveMs = resolveMs;
  }

  /** @throws TargetRefused */
  async check(address: string): Promise<Target> {
    const url = parse(address);
    const isPlain = url.protocol === 'http:';
    const addresses = await this.#addressesOf(url.hostname);
    // One that is not allowed is enough: nobody knows which of them a connection would take.
    const isAllowed = (one: string): boolean => this.#networks.has(one) || (!isPlain && isPublicAddress(one));
    if (addresses.every(isAllowed)) {
      return { origin: url.origin, path: url.pathname + url.search, addresses };
    }
    if (isPlain && addresses.every((one) => isPublicAddress(one))) {
      throw new TargetRefused('NOT_HTTPS', 'The address must begin with https://.');
    }
    throw new TargetRefused('NOT_ALLOWED', 'The address leads into a network that is not allowed.');
  }

  async #addressesOf(hostname: string): Promise<readonly string[]> {
    const literal = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
    if (isIP(literal) !== 0) return [literal];
    const late = new AbortController();
    try {
      const timeout = delay(this.#resolveMs, [], { signal: late.signal, ref: false });
      const found = await Promise.race([this.#resolve(hostname), timeout]);
      if (found.length > 0) return found;
    } catch {
      // What the resolver says of it may quote the name; that there is none is all that counts.
    } finally {
      late.abort();
    }
    throw new TargetRefused('UNKNOWN_HOST', 'The host of the address cannot be found.');
  }
}

/** Decimal, octal and hexadecimal hosts come out of it as addresses with dots (WHATWG URL, host parser). */
function parse(address: string): URL {
  const malformed = (message: string): TargetRefused => new TargetRefused('MALFORMED', message);
  if (address.length > MAX_LENGTH) throw malformed(`The address may have ${MAX_LENGTH} characters.`);
  if (!URL.canParse(address)) throw malformed('The address is not a URL.');
  const url = new URL(address);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    throw malformed('The address must begin with https://.');
  }
  if (url.username !== '' || url.password !== '') {
    throw malformed('The address must not hold a user or a password.');
  }
  if (url.hash !== '') throw malformed('The address must not have a fragment.');
  return url;
}

async function resolveHost(host: string): Promise<readonly string[]> {
  const found = await lookup(host, { all: true, order: 'verbatim' });
  return found.map(({ address }) => address);
}
