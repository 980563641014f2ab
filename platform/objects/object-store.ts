/** Bytes of an object from `offset` on, `length` of them. */
export interface ByteRange {
  readonly offset: number;
  readonly length: number;
}

/** Objects by key (`/`-separated, no `.` or `..` parts, no leading slash). Durable when a put resolves. */
export interface ObjectStore {
  /** False when the key is taken; the object is then left as it is. */
  putIfAbsent(key: string, bytes: Uint8Array): Promise<boolean>;
  put(key: string, bytes: Uint8Array): Promise<void>;
  /** Undefined when there is no such object; a range past the end is cut to what there is. */
  get(key: string, range?: ByteRange): Promise<Buffer | undefined>;
  size(key: string): Promise<number | undefined>;
  delete(key: string): Promise<void>;
  /** Keys under the prefix in ascending order of their UTF-8 bytes, from the first after `after`. */
  list(prefix: string, after?: string): AsyncIterable<string>;
}

/** Objects for those who only look. */
export type ObjectReader = Pick<ObjectStore, 'get' | 'size' | 'list'>;
