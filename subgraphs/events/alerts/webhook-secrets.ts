import { randomBytes } from 'node:crypto';
import { WEBHOOK_SECRET_BYTES, WEBHOOK_SECRET_PREFIX } from '#domain/alerts';
import type { KeyProvider } from '#platform/keys';
import { webhookSecretContext } from '#projections/alerts/alert-row';

export type SecretWrapper = Pick<KeyProvider, 'wrap'>;

/** A secret as it is stored, and as its owner is told once. */
interface WebhookSecret {
  readonly wrapped: Buffer;
  readonly text: string;
}

/** Secrets that webhooks are signed with, in the form of Standard Webhooks (https://www.standardwebhooks.com). */
export class WebhookSecrets {
  readonly #keys: SecretWrapper;

  constructor(keys: SecretWrapper) {
    this.#keys = keys;
  }

  async make(alert: string): Promise<WebhookSecret> {
    const secret = randomBytes(WEBHOOK_SECRET_BYTES);
    const wrapped = await this.#keys.wrap(secret, webhookSecretContext(alert));
    return { wrapped, text: `${WEBHOOK_SECRET_PREFIX}${secret.toString('base64')}` };
  }
}
