import { MAX_WEBHOOK_URL_CHARS } from '#domain/alerts';
import { CairnError } from '#domain/errors';

/**
 * The form of a webhook's address: http or https, no name and password in it. Where it leads is asked elsewhere,
 * and again before each request. INVALID_ARGUMENT; the address itself is in no message.
 */
export function checkWebhookUrl(text: string): string {
  if (text.length > MAX_WEBHOOK_URL_CHARS) {
    throw fault(`A webhook's address has ${MAX_WEBHOOK_URL_CHARS} characters at most.`);
  }
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:\/\//i.test(text) || /[\s\p{Cc}]/u.test(text) || !text.isWellFormed()) {
    throw fault('A webhook has an address that begins with https:// or http://.');
  }
  if (url.username !== '' || url.password !== '') {
    throw fault('Put no name and no password into the address: requests are signed.');
  }
  return text;
}

function fault(message: string): CairnError {
  return new CairnError('INVALID_ARGUMENT', message, { path: 'input.webhook.url' });
}
