import { FilterSubject } from '#domain/filter/subject';
import type { EventIds } from '#journal/event-id';
import type { JournalEvent, Place } from '#journal/types';
import { EventNode } from '#subgraphs/events/event-node';
import { EventRecord } from '#subgraphs/events/event-record';

/** An event on its way to subscribers: read and parsed once, shared by all whom it concerns. */
export class LiveEvent {
  readonly place: Place;
  readonly bytes: number;
  readonly subject: FilterSubject;
  readonly #record: EventRecord;
  readonly #eventIds: EventIds;
  #node: EventNode | undefined;

  constructor(event: JournalEvent, eventIds: EventIds) {
    const record = new EventRecord(event);
    this.place = event.place;
    this.bytes = event.raw.length;
    this.subject = new FilterSubject(record.indexed, () => record.words());
    this.#record = record;
    this.#eventIds = eventIds;
  }

  /** The event's own id: as `after`, all that was recorded behind it. */
  get cursor(): string {
    return this.event.id;
  }

  get event(): EventNode {
    if (this.#node === undefined) {
      const record = this.#record;
      const id = this.#eventIds.encode(this.place, record.event.eventTime);
      this.#node = new EventNode(id, record.fields, () => Promise.resolve(record));
    }
    return this.#node;
  }
}
