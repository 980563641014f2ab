import { createHmac } from 'node:crypto';

/** One message as Standard Webhooks 1.0.0 signs it. */
export interface WebhookMessage {
  /** The same for every attempt, so that the receiver can drop what it has had. Without a full stop. */
  readonly id: string;
  /** Of this attempt. */
  readonly sentAt: Date;
  readonly body: Buffer;
}

/** The headers that let a receiver know who sent the message, and when. `key`: 24 to 64 bytes. */
export function signWebhook({ id, sentAt, body }: WebhookMessage, key: Buffer): Record<string, string> {
  const timestamp = String(Math.floor(sentAt.getTime() / 1_000));
  const signature = createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest('base64');
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${signature}` };
}
