import { Lru } from '#journal/lru';
import type { ByteRange, ObjectReader } from '#platform/objects/object-store';

/** Bytes of an object that are read at once: some ten frames, for the price of one request. */
const WINDOW_BYTES = 1024 * 1024;
/** Windows in memory: a segment, whose frames are wanted in turns and not in their order. */
const CACHED_BYTES = 16 * 1024 * 1024;

/** Reads objects in windows, for those who want most of what lies in them soon. */
export class Windows {
  readonly #objects: Pick<ObjectReader, 'get'>;
  readonly #windows = new Lru<string, Promise<Buffer | undefined>>(CACHED_BYTES);

  constructor(objects: Pick<ObjectReader, 'get'>) {
    this.#objects = objects;
  }

  /** As `get` of an object that ends at `end`. The bytes may be a view of a window. */
  async get(key: string, range: ByteRange, end: number): Promise<Buffer | undefined> {
    if (range.length === 0 || range.length > WINDOW_BYTES) return this.#objects.get(key, range);
    const first = Math.floor(range.offset / WINDOW_BYTES);
    const last = Math.floor((range.offset + range.length - 1) / WINDOW_BYTES);
    const numbers = first === last ? [first] : [first, last];
    const windows = await Promise.all(numbers.map((number) => this.#window(key, number, end)));
    const [one, other] = windows;
    if (one === undefined) return undefined;
    const offset = range.offset - first * WINDOW_BYTES;
    const bytes = other === undefined ? one : Buffer.concat([one.subarray(offset), other]);
    const from = other === undefined ? offset : 0;
    return bytes.subarray(from, from + range.length);
  }

  #window(key: string, number: number, end: number): Promise<Buffer | undefined> {
    const name = `${number} ${key}`;
    const known = this.#windows.get(name);
    if (known !== undefined) return known;
    const offset = number * WINDOW_BYTES;
    const length = Math.min(WINDOW_BYTES, end - offset);
    const window = this.#objects.get(key, { offset, length });
    this.#windows.set(name, window, length);
    // A failure is told to who waits for it, and not to the next one.
    window.catch(() => this.#windows.delete(name));
    return window;
  }
}
