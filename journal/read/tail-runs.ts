import { CairnError } from '#domain/errors';
import { decodeBatch } from '#journal/format/batch';
import { decodeFrameHeader } from '#journal/format/frame';
import { Lru } from '#journal/lru';
import { locate, type EventRun, type RunFrame } from '#journal/read/event-run';
import type { TailPlace, TailStore } from '#journal/store/tail-store';

/** Batches of the tail in memory, as they are stored: encrypted. */
const CACHED_BYTES = 16 * 1024 * 1024;

/** The tail's batches, decoded and kept until newer ones push them out; they never change. */
export class TailRuns {
  readonly #store: TailStore;
  readonly #runs = new Lru<string, EventRun>(CACHED_BYTES);

  constructor(store: TailStore) {
    this.#store = store;
  }

  /** The runs of these batches, in order; undefined when a segment took one over meanwhile. */
  async of(places: readonly TailPlace[]): Promise<readonly EventRun[] | undefined> {
    const found = new Map<number, EventRun>();
    for (const place of places) {
      const run = this.#runs.get(nameOf(place));
      if (run !== undefined) found.set(place.number, run);
    }
    const missing = places.filter((place) => !found.has(place.number));
    if (missing.length > 0) {
      const payloads = await this.#store.payloads(missing.map((place) => place.number));
      for (const place of missing) {
        const payload = payloads.get(place.number);
        if (payload === undefined) return undefined;
        const run = readRun(place, payload);
        found.set(place.number, run);
        this.#runs.set(nameOf(place), run, payload.length + place.count * 8);
      }
    }
    return places.map((place) => found.get(place.number)).filter((run) => run !== undefined);
  }
}

function nameOf(place: TailPlace): string {
  return `${place.epoch}/${place.number}`;
}

function readRun(place: TailPlace, payload: Buffer): EventRun {
  const batch = decodeBatch(payload);
  const what = `batch at ${place.first}`;
  if (batch.entries.count !== place.count)
    throw new CairnError('CORRUPT', `${what}: ${batch.entries.count} entries`);
  const frames = batch.frames.map(({ stored, account, month }): RunFrame => {
    const { frameId, keyId } = decodeFrameHeader(stored);
    return { id: frameId.toString('hex'), keyId, account, month, load: () => Promise.resolve(stored) };
  });
  return {
    epoch: place.epoch,
    first: place.first,
    count: place.count,
    frames,
    ...locate(
      place.count,
      batch.frames.map((frame) => frame.indexes),
      what,
    ),
    eventTime: (index) => batch.entries.eventTime(index),
    source: (index) => batch.ledger[batch.entries.source(index)]?.source ?? '',
    receivedAt: () => place.receivedAt,
  };
}
