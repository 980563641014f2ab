import { DeleteObjectCommand, ListObjectVersionsCommand } from '@aws-sdk/client-s3';

import type { S3Bucket } from '#platform/objects/s3/s3-bucket';
import { ObjectStoreError } from '#platform/objects/s3/s3-error';

/**
 * Deletes every version of a key and the markers that hide them. `all`: ObjectStoreError when one is held, by a
 * lock mostly; else what is held stays behind its marker.
 */
export async function destroyVersions(bucket: S3Bucket, key: string, all: boolean): Promise<void> {
  let place: { readonly KeyMarker: string; readonly VersionIdMarker?: string } | undefined;
  do {
    const page = await bucket.ask('s3:ListBucketVersions', (client, options) =>
      client.send(
        new ListObjectVersionsCommand({ Bucket: bucket.name, Prefix: key, MaxKeys: 1_000, ...place }),
        options,
      ),
    );
    // A marker last: as long as versions are there it hides them.
    const found = [...(page.Versions ?? []), ...(all ? (page.DeleteMarkers ?? []) : [])];
    for (const { Key, VersionId } of found) {
      if (Key === key && VersionId !== undefined) await destroy(bucket, { Key, VersionId }, all);
    }
    place = nextPlace(page, key);
  } while (place !== undefined);
}

/** Longer keys that begin alike come after all versions of this one. */
function nextPlace(
  page: { IsTruncated?: boolean; NextKeyMarker?: string; NextVersionIdMarker?: string },
  key: string,
): { KeyMarker: string; VersionIdMarker?: string } | undefined {
  const { IsTruncated, NextKeyMarker, NextVersionIdMarker } = page;
  if (IsTruncated !== true || NextKeyMarker !== key) return undefined;
  return {
    KeyMarker: key,
    ...(NextVersionIdMarker !== undefined && { VersionIdMarker: NextVersionIdMarker }),
  };
}

async function destroy(
  bucket: S3Bucket,
  { Key, VersionId }: { readonly Key: string; readonly VersionId: string },
  all: boolean,
): Promise<void> {
  try {
    await bucket.ask('s3:DeleteObjectVersion', (client, options) =>
      client.send(new DeleteObjectCommand({ Bucket: bucket.name, Key, VersionId }), options),
    );
  } catch (error) {
    const held = error instanceof ObjectStoreError && error.reason === 'denied';
    if (!held || all) throw error;
  }
}
