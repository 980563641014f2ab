import type { ByteRange, ObjectStore } from '#platform/objects/object-store';

/** Objects in memory: a copy of a store that a test may damage. */
export class MemoryObjects implements ObjectStore {
  readonly objects: Map<string, Buffer>;

  constructor(objects: Iterable<readonly [string, Buffer]> = []) {
    this.objects = new Map(objects);
  }

  static async copyOf(store: ObjectStore): Promise<MemoryObjects> {
    const copy = new MemoryObjects();
    for await (const key of store.list('')) copy.objects.set(key, (await store.get(key)) ?? Buffer.alloc(0));
    return copy;
  }

  clone(): MemoryObjects {
    return new MemoryObjects(this.objects);
  }

  putIfAbsent(key: string, bytes: Uint8Array): Promise<boolean> {
    if (this.objects.has(key)) return Promise.resolve(false);
    this.objects.set(key, Buffer.from(bytes));
    return Promise.resolve(true);
  }

  put(key: string, bytes: Uint8Array): Promise<void> {
    this.objects.set(key, Buffer.from(bytes));
    return Promise.resolve();
  }

  get(key: string, range?: ByteRange): Promise<Buffer | undefined> {
    const bytes = this.objects.get(key);
    if (bytes === undefined || range === undefined) return Promise.resolve(bytes);
    return Promise.resolve(bytes.subarray(range.offset, range.offset + range.length));
  }

  size(key: string): Promise<number | undefined> {
    return Promise.resolve(this.objects.get(key)?.length);
  }

  delete(key: string): Promise<void> {
    this.objects.delete(key);
    return Promise.resolve();
  }

  async *list(prefix: string, after = ''): AsyncGenerator<string> {
    const keys = [...this.objects.keys()].filter((key) => key.startsWith(prefix) && key > after);
    yield* keys.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    await Promise.resolve();
  }
}
