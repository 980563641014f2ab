import { Instance } from '#platform/http/instance';
import type { Log } from '#platform/log';

export interface UpstreamOptions {
  /** For logs. */
  readonly name: string;
  /** Origins of the processes that all give the same answers; one at least. */
  readonly origins: readonly string[];
  readonly log: Pick<Log, 'info' | 'warn'>;
}

/** None of the instances could be reached, or each was lost in the middle. */
export class UpstreamUnavailable extends Error {
  constructor(name: string, cause: unknown) {
    super(`No process of ${name} answers.`, { cause });
    this.name = 'UpstreamUnavailable';
  }
}

/** An instance did not take the request: surely nothing was done, another one may be asked. */
export class NotTaken extends Error {
  constructor(status: number) {
    super(`It answered with ${status}.`);
    this.name = 'NotTaken';
  }
}

/** Codes of failures before a byte of the request could have been sent. */
const UNSENT: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'UND_ERR_CONNECT_TIMEOUT',
]);
/** Codes of connections that broke: what was sent may have been done. */
const BROKEN: ReadonlySet<string> = new Set([
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'UND_ERR_SOCKET',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'UND_ERR_RES_CONTENT_LENGTH_MISMATCH',
]);

/** Several processes behind one name: each request goes to the next one that is well. */
export class Upstream {
  readonly name: string;
  readonly #instances: readonly Instance[];
  #next = 0;

  constructor({ name, origins, log }: UpstreamOptions) {
    this.name = name;
    const onChange = (origin: string, isIn: boolean, reason: unknown): void => {
      if (isIn) log.info({ upstream: name, origin }, 'answers again');
      else log.warn({ upstream: name, origin, reason: reasonOf(reason) }, 'left out for now');
    };
    this.#instances = origins.map((origin) => new Instance({ origin, onChange }));
  }

  /** How many are well. */
  get available(): number {
    return this.#instances.filter((instance) => instance.isIn).length;
  }

  /**
   * Does the work with one instance, and with others while that fails by the connection or with NotTaken. What
   * may have been done is tried again only when `repeatable`. Other errors are thrown on.
   * @throws UpstreamUnavailable
   */
  async use<T>(work: (instance: Instance) => Promise<T>, repeatable: () => boolean): Promise<T> {
    let cause: unknown;
    for (const instance of this.#inTurn()) {
      try {
        return await work(instance);
      } catch (error) {
        const kind = kindOf(error);
        if (kind === 'foreign') throw error;
        instance.leave(error);
        cause = error;
        if (kind === 'broken' && !repeatable()) break;
      }
    }
    throw new UpstreamUnavailable(this.name, cause);
  }

  async close(): Promise<void> {
    await Promise.all(this.#instances.map((instance) => instance.close()));
  }

  /** Those that are well first, from another one each time; the others are the last hope. */
  #inTurn(): readonly Instance[] {
    const start = this.#next++ % this.#instances.length;
    const turned = [...this.#instances.slice(start), ...this.#instances.slice(0, start)];
    return turned.toSorted((a, b) => Number(b.isIn) - Number(a.isIn));
  }
}

function kindOf(error: unknown): 'unsent' | 'broken' | 'foreign' {
  if (error instanceof NotTaken) return 'unsent';
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (UNSENT.has(code)) return 'unsent';
  return BROKEN.has(code) ? 'broken' : 'foreign';
}

function reasonOf(reason: unknown): string {
  return reason instanceof Error ? reason.message : String(reason);
}
