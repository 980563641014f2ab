import { expect, test } from 'vitest';

import { layoutOf } from '#cli/data-folder';
import { objectPlaces, placeName } from '#cli/object-places';
import { loadConfig } from '#platform/config';

function namesOf(environment: Record<string, string>): Record<string, string> {
  const config = loadConfig(environment);
  const places = objectPlaces(config, layoutOf('/data', config.anchorDir));
  return {
    objects: placeName(places.objects),
    keys: placeName(places.keys),
    anchor: placeName(places.anchor),
  };
}

test('everything lies in folders unless told', () => {
  expect(namesOf({})).toEqual({ objects: '/data/objects', keys: '/data/keys', anchor: '/data.anchor' });
});

test('objects and keys go to the bucket, apart from one another; the anchor stays', () => {
  expect(namesOf({ CAIRN_S3_BUCKET: 'bucket' })).toEqual({
    objects: 's3://bucket/objects/',
    keys: 's3://bucket/keys/',
    anchor: '/data.anchor',
  });
});

test('keys and anchor have buckets of their own, and everything a prefix, when told', () => {
  const environment = {
    CAIRN_S3_BUCKET: 'bucket',
    CAIRN_S3_KEYS_BUCKET: 'keys-bucket',
    CAIRN_S3_PREFIX: 'cairn/prod',
    CAIRN_ANCHOR: 's3://anchor-bucket/copies/',
  };
  expect(namesOf(environment)).toEqual({
    objects: 's3://bucket/cairn/prod/objects/',
    keys: 's3://keys-bucket/cairn/prod/keys/',
    anchor: 's3://anchor-bucket/copies/',
  });
  expect(namesOf({ CAIRN_ANCHOR: 's3://anchor-bucket' })['anchor']).toBe('s3://anchor-bucket/');
});
