import { CairnError } from '#domain/errors';
import { decodeLogObjectHead, logObjectKey } from '#journal/format/log-object';
import { decodeRecord } from '#journal/format/record';
import { decodeLayout, SEGMENT_HEAD_BYTES, type SegmentLayout } from '#journal/format/segment';
import { Lru } from '#journal/lru';
import type { EventRun } from '#journal/read/event-run';
import { readSegmentRun, type LoadFrame, type SegmentRun } from '#journal/read/segment-run';
import { Windows } from '#journal/read/windows';
import type { RecordStore, SegmentPlace } from '#journal/store/record-store';
import type { ObjectStore } from '#platform/objects/object-store';

/** What is kept in memory of segments' indexes: some 20 bytes an event. */
const CACHED_BYTES = 48 * 1024 * 1024;
/** Read of each segment at first: the whole index of a small one, for the price of one request. */
const FIRST_BYTES = 64 * 1024;
/** Segments whose indexes are read at the same time. */
const PARALLEL = 16;
/** Where segments lie; some 100 bytes each. */
const CACHED_PLACES = 10_000;

/** The indexes of segments, read once and kept: where each event lies, and its envelope. */
export class SegmentRuns {
  readonly #objects: ObjectStore;
  readonly #windows: Windows;
  readonly #records: RecordStore;
  readonly #runs = new Lru<number, SegmentRun>(CACHED_BYTES);
  readonly #loading = new Map<number, Promise<SegmentRun>>();
  /** Ascending by `first`. */
  #places: SegmentPlace[] = [];

  constructor(objects: ObjectStore, records: RecordStore) {
    this.#objects = objects;
    this.#windows = new Windows(objects);
    this.#records = records;
  }

  /** The runs that hold these sealed positions, by position; absent where no segment does. */
  async at(positions: readonly number[]): Promise<ReadonlyMap<number, EventRun>> {
    const places = await this.#placesOf(positions);
    const runs = new Map<number, EventRun>();
    const wanted = [...new Set(places.values())];
    for (let from = 0; from < wanted.length; from += PARALLEL) {
      const part = wanted.slice(from, from + PARALLEL);
      for (const [at, run] of (await Promise.all(part.map((place) => this.#run(place)))).entries()) {
        runs.set(part[at]?.sequence ?? -1, run);
      }
    }
    const found = new Map<number, EventRun>();
    for (const [position, { sequence }] of places) {
      const run = runs.get(sequence);
      if (run !== undefined) found.set(position, run);
    }
    return found;
  }

  async #placesOf(positions: readonly number[]): Promise<Map<number, SegmentPlace>> {
    const found = new Map<number, SegmentPlace>();
    const missing: number[] = [];
    for (const position of positions) {
      const place = this.#cachedPlace(position);
      if (place === undefined) missing.push(position);
      else found.set(position, place);
    }
    if (missing.length === 0) return found;
    this.#remember(await this.#records.segmentsOf(missing));
    for (const position of missing) {
      const place = this.#cachedPlace(position);
      if (place !== undefined) found.set(position, place);
    }
    return found;
  }

  #cachedPlace(position: number): SegmentPlace | undefined {
    let low = 0;
    let high = this.#places.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#places[middle]?.first ?? 0) <= position) low = middle + 1;
      else high = middle;
    }
    const place = this.#places[low - 1];
    return place !== undefined && position < place.first + place.count ? place : undefined;
  }

  #remember(places: readonly SegmentPlace[]): void {
    const kept = this.#places.length + places.length > CACHED_PLACES ? [] : this.#places;
    const byFirst = new Map([...kept, ...places].map((place) => [place.first, place]));
    this.#places = [...byFirst.values()].toSorted((a, b) => a.first - b.first);
  }

  async #run(place: SegmentPlace): Promise<SegmentRun> {
    const cached = this.#runs.get(place.sequence);
    if (cached !== undefined) return cached;
    let loading = this.#loading.get(place.sequence);
    if (loading === undefined) {
      loading = this.#load(place).finally(() => this.#loading.delete(place.sequence));
      this.#loading.set(place.sequence, loading);
    }
    return loading;
  }

  async #load(place: SegmentPlace): Promise<SegmentRun> {
    const key = logObjectKey(place.epoch, place.sequence);
    const start = await this.#objects.get(key, { offset: 0, length: FIRST_BYTES });
    if (start === undefined) throw new CairnError('CORRUPT', `The segment ${key} is missing.`);
    const layout = layoutOf(place, key, start);
    const index = await this.#index(key, start, layout.frames.offset);
    const run = readSegmentRun(place, layout, index, this.#loader(key, layout.frames));
    this.#runs.set(place.sequence, run, run.size);
    return run;
  }

  #loader(key: string, { offset, length }: SegmentLayout['frames']): LoadFrame {
    return async (at, size, ahead) => {
      const range = { offset: offset + at, length: size };
      const stored = ahead
        ? await this.#windows.get(key, range, offset + length)
        : await this.#objects.get(key, range);
      return whole(key, stored, size);
    };
  }

  /** All that comes before the frames; `start` is its beginning, or more than it. */
  async #index(key: string, start: Buffer, end: number): Promise<Buffer> {
    if (start.length >= end) return start.subarray(0, end);
    const rest = { offset: start.length, length: end - start.length };
    return Buffer.concat([start, whole(key, await this.#objects.get(key, rest), rest.length)]);
  }
}

function layoutOf(place: SegmentPlace, key: string, start: Buffer): SegmentLayout {
  const object = decodeLogObjectHead(start);
  const record = decodeRecord(object.record);
  if (record.kind !== 'segment' || record.first !== place.first || record.events !== place.count) {
    throw new CairnError('CORRUPT', `${key} is not the segment of positions from ${place.first} on.`);
  }
  return decodeLayout(start.subarray(0, SEGMENT_HEAD_BYTES), object);
}

function whole(key: string, bytes: Buffer | undefined, length: number): Buffer {
  if (bytes?.length !== length) throw new CairnError('CORRUPT', `${key} is missing or cut.`);
  return bytes;
}
