import type { Registry } from 'prom-client';
import { Gauge } from 'prom-client';

import { clientAddress, Networks } from '#platform/http/client-address';
import { HttpError, sendJson } from '#platform/http/answers';
import type { Route } from '#platform/http/routes';
import type { Log } from '#platform/log';
import { seldom } from '#platform/seldom';

/** Throws, or rejects, when the part cannot do its work now. The signal ends it when it takes too long. */
export type Check = (signal: AbortSignal) => Promise<void>;

export interface HealthOptions {
  /** What the process cannot answer without. */
  readonly checks: Readonly<Record<string, Check>>;
  /** What it can do without for a while: shown, but no reason for a balancer to look elsewhere. */
  readonly lesserChecks?: Readonly<Record<string, Check>>;
  readonly metrics: Registry;
  /** Who may read the metrics. */
  readonly metricsNetworks: readonly string[];
  readonly trustedProxies: readonly string[];
  readonly log: Pick<Log, 'warn'>;
  /** True once shutdown has begun: no longer ready, so that a balancer looks elsewhere. */
  readonly stopping: () => boolean;
}

const CHECK_TIMEOUT_MS = 2_000;

/** /healthz: the process answers. /readyz: what it needs works, by name. /metrics: Prometheus. */
export function healthRoutes(options: HealthOptions): readonly Route[] {
  const proxies = new Networks(options.trustedProxies);
  const readers = new Networks(options.metricsNetworks);
  const checked = { ...options, tell: failureTeller(options.log) };
  checkGauge(checked);
  return [
    { method: 'GET', path: '/healthz', handle: (_, response) => sendJson(response, 200, { status: 'ok' }) },
    {
      method: 'GET',
      path: '/readyz',
      handle: async (_, response) => {
        const [needed, lesser] = await allChecks(checked);
        const isReady = !options.stopping() && areOk(needed);
        const status = isReady ? (areOk(lesser) ? 'ready' : 'degraded') : 'not ready';
        sendJson(response, isReady ? 200 : 503, { status, checks: { ...needed, ...lesser } });
      },
    },
    {
      method: 'GET',
      path: '/metrics',
      handle: async (request, response) => {
        if (!readers.has(clientAddress(request, proxies))) {
          throw new HttpError(403, 'FORBIDDEN', 'CAIRN_METRICS_NETWORKS names who may read the metrics.');
        }
        const text = await options.metrics.metrics();
        response.writeHead(200, { 'content-type': options.metrics.contentType }).end(text);
      },
    },
  ];
}

type States = Readonly<Record<string, 'ok' | 'failing'>>;

function areOk(states: States): boolean {
  return Object.values(states).every((state) => state === 'ok');
}

type TellFailure = (check: string, error: unknown) => void;
type Checked = Pick<HealthOptions, 'checks' | 'lesserChecks' | 'metrics'> & { readonly tell: TellFailure };

/** Probes and scrapes come several times a second: what fails with the same words is told once a minute. */
function failureTeller(log: HealthOptions['log']): TellFailure {
  const tellers = new Map<string, (error: unknown) => void>();
  return (check, error) => {
    const tell =
      tellers.get(check) ??
      seldom((failure) => log.warn({ error: failure, check }, 'a readiness check fails'));
    tellers.set(check, tell);
    tell(error);
  };
}

function allChecks({ checks, lesserChecks = {}, tell }: Checked): Promise<[States, States]> {
  return Promise.all([runChecks(checks, tell), runChecks(lesserChecks, tell)]);
}

/** The same for those who watch the metrics. */
function checkGauge(checked: Checked): void {
  new Gauge({
    name: 'cairn_check_ok',
    help: '1 while a part that the process stands on works, by its name in /readyz.',
    labelNames: ['check'],
    registers: [checked.metrics],
    async collect() {
      for (const states of await allChecks(checked))
        for (const [check, state] of Object.entries(states)) this.set({ check }, state === 'ok' ? 1 : 0);
    },
  });
}

/** The reasons stand in the log only: strangers may ask. */
async function runChecks(checks: Readonly<Record<string, Check>>, tell: TellFailure): Promise<States> {
  const states = Object.entries(checks).map(async ([name, check]): Promise<[string, 'ok' | 'failing']> => {
    const signal = AbortSignal.timeout(CHECK_TIMEOUT_MS);
    const late = Promise.withResolvers<never>();
    const giveUp = (): void => late.reject(new Error('took too long'));
    signal.addEventListener('abort', giveUp);
    try {
      await Promise.race([check(signal), late.promise]);
      return [name, 'ok'];
    } catch (error) {
      tell(name, error);
      return [name, 'failing'];
    } finally {
      signal.removeEventListener('abort', giveUp);
    }
  });
  return Object.fromEntries(await Promise.all(states));
}
