import { ALERT_ID, type DeliveryState } from '#domain/alerts';
import { CairnError } from '#domain/errors';
import type { Principal } from '#domain/principal';
import type { AlertRow, AlertSlice, Delivery } from '#projections/alerts/alert-row';
import type { SampleResult, WebhookSample } from '#projections/alerts/deliveries/sample';
import type { DeliveryStore } from '#projections/alerts/deliveries/store';
import type { Alerts } from '#subgraphs/events/alerts';
import { requireAdministrator } from '#subgraphs/shared/context';

export interface DeliveriesParts {
  readonly store: Pick<DeliveryStore, 'list' | 'sendAgain' | 'sendAllAgain'>;
  readonly sample: Pick<WebhookSample, 'send'>;
}

/** What is to be sent again. Nobody has checked it. */
export interface SendAgain {
  readonly alert: string | undefined;
  readonly ids: readonly string[] | undefined;
}

/** Deliveries that one request may name. */
const MAX_IDS = 200;
/** Samples that this process sends at the same time. */
const MAX_SAMPLES = 4;

/** What was and is to be sent to webhooks; for administrators who cover all accounts of the alert. */
export class AlertDeliveries {
  readonly #parts: DeliveriesParts;
  readonly #alerts: Pick<Alerts, 'find'>;
  #samples = 0;

  constructor(parts: DeliveriesParts, alerts: Pick<Alerts, 'find'>) {
    this.#parts = parts;
    this.#alerts = alerts;
  }

  async list(
    principal: Principal,
    of: { readonly alert: string; readonly state: DeliveryState | undefined },
    slice: AlertSlice,
  ): Promise<readonly Delivery[]> {
    await this.#require(principal, of.alert);
    return this.#parts.store.list(of, slice);
  }

  /** How many are due again: of those named, or of the alert, the ones that are DEAD and have a webhook still. */
  async sendAgain(principal: Principal, { alert, ids }: SendAgain): Promise<number> {
    requireAdministrator({ principal });
    if ((alert === undefined) === (ids === undefined)) {
      throw new CairnError('INVALID_ARGUMENT', 'Say which: an alert or ids.', { path: 'alert' });
    }
    if (alert !== undefined) {
      const { id } = await this.#require(principal, alert);
      return this.#parts.store.sendAllAgain(id, new Date());
    }
    const named = ids ?? [];
    if (named.length > MAX_IDS) {
      throw new CairnError('LIMIT_EXCEEDED', `Name ${MAX_IDS} deliveries at most.`, { path: 'ids' });
    }
    const known = named.filter((id) => ALERT_ID.test(id));
    return (await this.#parts.store.sendAgain(known, principal.accounts, new Date())).length;
  }

  /** Sends a sample to the alert's webhook at once, and says what came back. */
  async test(principal: Principal, id: string, signal: AbortSignal): Promise<SampleResult> {
    const alert = await this.#require(principal, id);
    if (this.#samples >= MAX_SAMPLES) {
      throw new CairnError('TOO_MANY_REQUESTS', 'Others are being tested: try again.', { retryAfter: 5 });
    }
    this.#samples += 1;
    try {
      const result = await this.#parts.sample.send(alert, signal);
      if (result !== undefined) return result;
    } finally {
      this.#samples -= 1;
    }
    throw new CairnError('INVALID_ARGUMENT', 'This alert has no webhook.', { path: 'id' });
  }

  async #require(principal: Principal, id: string): Promise<AlertRow> {
    requireAdministrator({ principal });
    const alert = await this.#alerts.find(principal, id);
    if (alert !== undefined) return alert;
    throw new CairnError('NOT_FOUND', 'There is no alert with this id.', { path: 'alert' });
  }
}
