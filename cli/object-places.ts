import type { DataLayout } from '#cli/data-folder';
import type { Config } from '#platform/config';
import { parseS3Url } from '#platform/config-objects';

/** Where one kind of object lies: in a folder, or in a bucket behind a prefix (empty, or ending with a slash). */
export type ObjectPlace = { readonly folder: string } | { readonly bucket: string; readonly prefix: string };

export interface ObjectPlaces {
  readonly objects: ObjectPlace;
  readonly keys: ObjectPlace;
  readonly anchor: ObjectPlace;
}

export type PlacesConfig = Pick<Config, 's3Bucket' | 's3KeysBucket' | 's3Prefix'>;

/** Objects and keys lie in the bucket when one is configured; the anchor goes only where it was told to. */
export function objectPlaces(
  { s3Bucket, s3KeysBucket, s3Prefix }: PlacesConfig,
  layout: Pick<DataLayout, 'objects' | 'keys' | 'anchor'>,
): ObjectPlaces {
  const url = parseS3Url(layout.anchor);
  const anchor =
    url === undefined ? { folder: layout.anchor } : { bucket: url.bucket, prefix: asPrefix(url.prefix) };
  if (s3Bucket === undefined) {
    return { objects: { folder: layout.objects }, keys: { folder: layout.keys }, anchor };
  }
  const prefix = asPrefix(s3Prefix);
  return {
    objects: { bucket: s3Bucket, prefix: `${prefix}objects/` },
    keys: { bucket: s3KeysBucket ?? s3Bucket, prefix: `${prefix}keys/` },
    anchor,
  };
}

/** For people: the folder, or s3://bucket/prefix. */
export function placeName(place: ObjectPlace): string {
  return 'folder' in place ? place.folder : `s3://${place.bucket}/${place.prefix}`;
}

function asPrefix(prefix: string | undefined): string {
  return prefix === undefined ? '' : `${prefix}/`;
}
