import { randomUUID } from 'node:crypto';
import { alertTestEvent, CLOUD_EVENT_TYPE } from '#domain/cloud-event';
import type { KeyProvider } from '#platform/keys';
import type { Sender } from '#platform/outbound/sender';
import { signWebhook } from '#platform/outbound/webhook-signature';
import { webhookSecretContext, type AlertRow } from '#projections/alerts/alert-row';
import { judge } from '#projections/alerts/deliveries/next-attempt';

interface SampleParts {
  readonly keys: Pick<KeyProvider, 'unwrap'>;
  readonly sender: Pick<Sender, 'post'>;
  /** The log's id. */
  readonly log: () => Promise<string>;
}

/** What came of a sample. */
export interface SampleResult {
  /** Of the answer, when there was one. */
  readonly status: number | undefined;
  /** Why a match would not have been delivered; undefined when it would have been. */
  readonly error: string | undefined;
}

/** Lets people see whether a webhook works before something happens. A sample is sent once and kept nowhere. */
export class WebhookSample {
  readonly #parts: SampleParts;

  constructor(parts: SampleParts) {
    this.#parts = parts;
  }

  /** Undefined when the alert has no webhook. */
  async send(
    { id: alert, name, description, webhook }: AlertRow,
    signal: AbortSignal,
  ): Promise<SampleResult | undefined> {
    if (webhook === undefined) return undefined;
    const { keys, sender, log } = this.#parts;
    const key = await keys.unwrap(webhook.secret, webhookSecretContext(alert));
    const sentAt = new Date();
    const id = randomUUID();
    const body = alertTestEvent({ id, log: await log(), sentAt, alert: { id: alert, name, description } });
    const headers = { 'content-type': CLOUD_EVENT_TYPE, ...signWebhook({ id, sentAt, body }, key) };
    const verdict = judge(await sender.post({ url: webhook.url, headers, body }, signal), 1, 0);
    return { status: verdict.status, error: verdict.kind === 'delivered' ? undefined : verdict.error };
  }
}
