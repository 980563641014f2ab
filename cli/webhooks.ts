import { deliveryFigures } from '#cli/gauges';
import type { Installation } from '#cli/installation';
import { CairnError } from '#domain/errors';
import { uuidText } from '#journal/format/uuid';
import type { OpenJournal } from '#journal/journal';
import { LogStore } from '#journal/store/log-store';
import type { Config } from '#platform/config';
import type { Pool } from '#platform/db';
import { AddressGuard, TargetRefused } from '#platform/outbound/address-guard';
import { Sender } from '#platform/outbound/sender';
import { seldom } from '#platform/seldom';
import { STAGE, type Shutdown } from '#platform/shutdown';
import { ALERTS_CHANNEL } from '#projections/alerts/alerts-projection';
import { Deliverer } from '#projections/alerts/deliveries/deliver';
import { WebhookSample } from '#projections/alerts/deliveries/sample';
import { DeliveryStore } from '#projections/alerts/deliveries/store';

const USER_AGENT = 'Cairn';
/** Above what a deliverer gives to what is on its way. */
const STOP_MS = 10_000;

/** Whether webhooks may be sent to an address, for whoever puts one. */
export function webhookCheck({ webhookNetworks }: Config): { check(url: string): Promise<void> } {
  const guard = new AddressGuard({ networks: webhookNetworks });
  return {
    check: async (url) => {
      try {
        await guard.check(url);
      } catch (error) {
        if (!(error instanceof TargetRefused)) throw error;
        throw new CairnError('INVALID_ARGUMENT', error.message, { path: 'input.webhook.url', cause: error });
      }
    },
  };
}

/** What lets people try a webhook; works in the api. */
export function openWebhookSample(
  { config, pool, journalDeps }: Installation,
  shutdown: Shutdown,
): WebhookSample {
  const sender = openSender(config);
  const close = (): Promise<void> => sender.close();
  shutdown.add({ name: 'webhook samples', stage: STAGE.rest, timeout: STOP_MS, run: close });
  return new WebhookSample({ keys: journalDeps.keys, sender, log: () => logId(pool) });
}

/** What sends to webhooks: begun by its job, and at once when something was raised. */
export async function openDeliverer(
  installation: Installation,
  journal: OpenJournal,
  shutdown: Shutdown,
): Promise<Deliverer> {
  const { config, pool, journalDeps, log } = installation;
  const store = new DeliveryStore(pool);
  const sender = openSender(config);
  const onError = seldom((error) => log.warn({ err: error }, 'webhooks: something could not be sent yet'));
  const deliverer = new Deliverer({
    store,
    journal,
    keys: journalDeps.keys,
    sender,
    log: await logId(pool),
    onEnd: deliveryFigures(installation, store),
    onError,
  });
  const begin = (): void => void deliverer.begin().catch(onError);
  const unlisten = await journalDeps.pubsub.subscribe(ALERTS_CHANNEL, begin);
  const stop = async (): Promise<void> => {
    await unlisten();
    await deliverer.stop();
    await sender.close();
  };
  shutdown.add({ name: 'webhooks', stage: STAGE.work, timeout: STOP_MS, run: stop });
  return deliverer;
}

function openSender({ webhookNetworks }: Config): Sender {
  return new Sender({ guard: new AddressGuard({ networks: webhookNetworks }), userAgent: USER_AGENT });
}

/** There is a log as soon as there is a journal. */
async function logId(pool: Pool): Promise<string> {
  const head = await new LogStore(pool).head();
  if (head === undefined) throw new CairnError('UNAVAILABLE', 'The journal has no log yet.');
  return uuidText(head.log);
}
