import { createHmac, randomBytes } from 'node:crypto';

/** One message as Standard Webhooks 1.0.0 signs it. */
export interface WebhookMessage {
  /** The same for every attempt, so that the receiver can drop what it has had. Without a full stop. */
  readonly id: string;
  /** Of this attempt. */
  readonly sentAt: Date;
  readonly body: Buffer;
}

const PREFIX = 'whsec_';
/** Standard Webhooks asks for 24 to 64 bytes. */
const MIN_BYTES = 24;
const MAX_BYTES = 64;
const NEW_BYTES = 32;

/** The headers that let a receiver know who sent the message, and when. The secret is one of `parseWebhookSecret`. */
export function signWebhook({ id, sentAt, body }: WebhookMessage, secret: Buffer): Record<string, string> {
  const timestamp = String(Math.floor(sentAt.getTime() / 1_000));
  const signature = createHmac('sha256', secret).update(`${id}.${timestamp}.`).update(body).digest('base64');
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${signature}` };
}

export function newWebhookSecret(): string {
  return PREFIX + randomBytes(NEW_BYTES).toString('base64');
}

/** The key in `whsec_<base64>`; undefined when the text is none, or too short to be one. */
export function parseWebhookSecret(text: string): Buffer | undefined {
  if (!text.startsWith(PREFIX)) return undefined;
  const encoded = text.slice(PREFIX.length);
  const key = Buffer.from(encoded, 'base64');
  // Node passes over what is not base64: only what comes out again went in.
  if (key.toString('base64') !== encoded) return undefined;
  return key.length < MIN_BYTES || key.length > MAX_BYTES ? undefined : key;
}
