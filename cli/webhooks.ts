import { deliveryFigures } from '#cli/gauges';
import type { Installation } from '#cli/installation';
import { uuidText } from '#journal/format/uuid';
import type { OpenJournal } from '#journal/journal';
import { LogStore } from '#journal/store/log-store';
import { AddressGuard } from '#platform/outbound/address-guard';
import { Sender } from '#platform/outbound/sender';
import { seldom } from '#platform/seldom';
import { STAGE, type Shutdown } from '#platform/shutdown';
import { Deliverer } from '#projections/alerts/deliveries/deliver';
import { DeliveryStore } from '#projections/alerts/deliveries/store';

const USER_AGENT = 'Cairn';
/** Above what a deliverer gives to what is on its way. */
const STOP_MS = 10_000;

/** What sends to webhooks: begun by its job. */
export async function openDeliverer(
  installation: Installation,
  journal: OpenJournal,
  shutdown: Shutdown,
): Promise<Deliverer> {
  const { config, pool, journalDeps, log } = installation;
  const store = new DeliveryStore(pool);
  const sender = new Sender({
    guard: new AddressGuard({ networks: config.webhookNetworks }),
    userAgent: USER_AGENT,
  });
  const onError = seldom((error) => log.warn({ err: error }, 'webhooks: something could not be sent yet'));
  const head = await new LogStore(pool).head();
  const deliverer = new Deliverer({
    store,
    journal,
    keys: journalDeps.keys,
    sender,
    log: head === undefined ? '' : uuidText(head.log),
    onEnd: deliveryFigures(installation, store),
    onError,
  });
  const stop = async (): Promise<void> => {
    await deliverer.stop();
    await sender.close();
  };
  shutdown.add({ name: 'webhooks', stage: STAGE.work, timeout: STOP_MS, run: stop });
  return deliverer;
}
