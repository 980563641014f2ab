import { S3Bucket } from '#platform/objects/s3/s3-bucket';
import { S3ObjectStore } from '#platform/objects/s3/s3-object-store';
import type { JournalStores } from '#test/journal-stores';
import { createBucket } from '#test/s3-bed';

/** The stores of a journal in a bucket of its own, as a cluster has them; `close` ends their connections. */
export async function s3JournalStores(): Promise<{
  readonly stores: JournalStores;
  readonly close: () => void;
}> {
  const { client, ...place } = await createBucket('s3');
  client.destroy();
  const bucket = new S3Bucket(place);
  const store = (prefix: string): S3ObjectStore => new S3ObjectStore(bucket, { prefix, deletes: 'all' });
  const stores = { objects: store('objects/'), keyObjects: store('keys/'), anchor: store('anchor/') };
  return { stores, close: () => bucket.close() };
}
