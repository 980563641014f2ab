import { randomUUID } from 'node:crypto';
import {
  ALERT_DESCRIPTION,
  ALERT_ID,
  MAX_ALERT_FILTER_BYTES,
  MAX_THROTTLE_SECONDS,
  type AlertLimits,
} from '#domain/alerts';
import { CairnError } from '#domain/errors';
import { checkFilter } from '#domain/filter/check';
import { NAME } from '#domain/organization';
import type { Principal } from '#domain/principal';
import type { Journal } from '#journal/types';
import type { AlertDefinition, AlertRow, AlertSlice } from '#projections/alerts/alert-row';
import type { AlertStore } from '#projections/alerts/store';
import { checkWebhookUrl } from '#subgraphs/events/alerts/webhook-url';
import { WebhookSecrets, type SecretWrapper } from '#subgraphs/events/alerts/webhook-secrets';
import { covers } from '#subgraphs/events/exports';
import { requireAdministrator } from '#subgraphs/shared/context';

export interface AlertsParts {
  readonly store: AlertStore;
  readonly journal: Pick<Journal, 'head'>;
  readonly keys: SecretWrapper;
  /** Where requests may go. Rejects with what the caller is told when this address is refused. */
  readonly outbound: { check(url: string): Promise<void> };
  readonly limits: AlertLimits;
}

/** What a caller asks for; nobody has checked it. */
export interface AlertRequest {
  readonly name: string;
  readonly description: string;
  /** An EventFilterInput. */
  readonly filter: unknown;
  readonly throttleSeconds: number;
  readonly webhook: { readonly url: string; readonly newSecret: boolean } | undefined;
}

/** An alert as it was put. */
export interface PutAlert {
  readonly alert: AlertRow;
  /** The text of a secret that was made for it; it is not shown again. */
  readonly webhookSecret: string | undefined;
}

/** Use cases around alerts: of the caller's accounts only; others are as if they were not there. */
export class Alerts {
  readonly #parts: AlertsParts;
  readonly #secrets: WebhookSecrets;

  constructor(parts: AlertsParts) {
    this.#parts = parts;
    this.#secrets = new WebhookSecrets(parts.keys);
  }

  /** Makes an alert of the key's accounts, or changes the one of this name that has the same accounts. */
  async put(principal: Principal, request: AlertRequest): Promise<PutAlert> {
    requireAdministrator({ principal });
    const definition = check(principal, request);
    const { store, journal, outbound, limits } = this.#parts;
    if (request.webhook !== undefined) await outbound.check(checkWebhookUrl(request.webhook.url));
    const known = await store.findByName(definition.scope, definition.name);
    const id = known?.id ?? randomUUID();
    const needsSecret =
      request.webhook !== undefined && (request.webhook.newSecret || known?.webhook === undefined);
    const secret = needsSecret ? await this.#secrets.make(id) : undefined;
    const alert = await store.put(
      {
        ...definition,
        id,
        putBy: principal.keyId,
        head: await journal.head(),
        webhook: request.webhook && { url: request.webhook.url, secret: secret?.wrapped },
      },
      limits,
    );
    return { alert, webhookSecret: secret?.text };
  }

  /** By its id, or by its name among those of exactly the key's accounts; gives its id. */
  async delete(
    principal: Principal,
    which: { readonly id?: string | null | undefined; readonly name?: string | null | undefined },
  ): Promise<string> {
    requireAdministrator({ principal });
    const { id = null, name = null } = which;
    if ((id === null) === (name === null)) {
      throw new CairnError('INVALID_ARGUMENT', 'Say which alert: its id or its name.', { path: 'id' });
    }
    const alert = id === null ? await this.#named(principal, name ?? '') : await this.find(principal, id);
    if (alert !== undefined && (await this.#parts.store.delete(alert.id))) return alert.id;
    const path = id === null ? 'name' : 'id';
    throw new CairnError('NOT_FOUND', `There is no alert with this ${path}.`, { path });
  }

  async find(principal: Principal, id: string): Promise<AlertRow | undefined> {
    const alert = ALERT_ID.test(id) ? await this.#parts.store.find(id) : undefined;
    return alert && covers(principal, alert.scope) ? alert : undefined;
  }

  list({ accounts }: Principal, slice: AlertSlice): Promise<readonly AlertRow[]> {
    return this.#parts.store.list(accounts, slice);
  }

  async #named({ accounts }: Principal, name: string): Promise<AlertRow | undefined> {
    return NAME.test(name) ? this.#parts.store.findByName(accounts, name) : undefined;
  }
}

function check({ accounts }: Principal, request: AlertRequest): AlertDefinition {
  const { name, description, throttleSeconds } = request;
  if (!NAME.test(name)) {
    const message =
      'A name has 1 to 128 characters, none of them a control character, and no white space at the ends.';
    throw new CairnError('INVALID_ARGUMENT', message, { path: 'input.name' });
  }
  if (!ALERT_DESCRIPTION.test(description)) {
    const message = 'A description has 1,024 characters at most, and no control characters but line breaks.';
    throw new CairnError('INVALID_ARGUMENT', message, { path: 'input.description' });
  }
  if (throttleSeconds < 0 || throttleSeconds > MAX_THROTTLE_SECONDS) {
    const message = `A throttle has 0 to ${MAX_THROTTLE_SECONDS} seconds.`;
    throw new CairnError('INVALID_ARGUMENT', message, { path: 'input.throttle' });
  }
  checkFilter(request.filter);
  const filter = JSON.stringify(request.filter ?? {});
  if (Buffer.byteLength(filter) > MAX_ALERT_FILTER_BYTES) {
    throw new CairnError('LIMIT_EXCEEDED', `A filter may have ${MAX_ALERT_FILTER_BYTES} bytes here.`, {
      path: 'input.filter',
    });
  }
  return { name, scope: accounts, description, filter, throttleSeconds };
}
