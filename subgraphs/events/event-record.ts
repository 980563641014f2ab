import type { IndexedFields, JsonObject } from '#domain/event';
import { bodyOf, indexedFields } from '#domain/event-fields';
import { categoryOf } from '#domain/event-format';
import { readRecord } from '#domain/event-parse';
import { recordWords } from '#domain/event-words';
import { objectIn } from '#domain/event-values';
import type { JournalEvent } from '#journal/types';
import { jsonMembers } from '#subgraphs/events/json-members';
import { flagOf, textOf, wellFormed } from '#subgraphs/events/record-values';
import { type UserIdentityParts, userIdentityOf } from '#subgraphs/events/user-identity';

/** The record of an event, read from its bytes. Members of a wrapped record (partner, Config, evidence) are found in its eventData first. */
export class EventRecord {
  readonly #record: JsonObject;
  readonly #body: JsonObject;
  #rawText: string | undefined;
  #members: ReadonlyMap<string, string> | undefined;
  #bodyMembers: ReadonlyMap<string, string> | undefined;

  constructor(readonly event: JournalEvent) {
    this.#record = readRecord(event.raw);
    this.#body = bodyOf(this.#record, categoryOf(this.#record));
  }

  /** Exactly as received. */
  get raw(): string {
    this.#rawText ??= this.event.raw.toString('utf8');
    return this.#rawText;
  }

  get fields(): IndexedFields {
    return wellFormed(this.indexed);
  }

  /** As filters compare them; texts may hold lone surrogates. */
  get indexed(): IndexedFields {
    return indexedFields(this.#record, this.event);
  }

  words(): ReadonlySet<string> {
    return recordWords(this.#record);
  }

  get userIdentity(): UserIdentityParts | null {
    const identity = objectIn(this.#body, 'userIdentity');
    return identity === undefined ? null : userIdentityOf(identity, this.json('userIdentity'));
  }

  text(name: string): string | null {
    return textOf(this.#body, name) ?? textOf(this.#record, name);
  }

  flag(name: string): boolean | null {
    return flagOf(this.#body, name) ?? flagOf(this.#record, name);
  }

  object(name: string): JsonObject | undefined {
    return objectIn(this.#body, name) ?? objectIn(this.#record, name);
  }

  /** The member's exact JSON text; null when it is absent or JSON's null. */
  json(name: string): string | null {
    this.#members ??= jsonMembers(this.raw);
    return present(this.#inner().get(name)) ?? present(this.#members.get(name));
  }

  #inner(): ReadonlyMap<string, string> {
    if (this.#body === this.#record) return this.#members ?? new Map();
    this.#bodyMembers ??= jsonMembers(this.#members?.get('eventData') ?? '');
    return this.#bodyMembers;
  }
}

function present(text: string | undefined): string | null {
  return text === undefined || text === 'null' ? null : text;
}
