import { S3Client } from '@aws-sdk/client-s3';

import { AWS_PATIENCE, awsClientOptions } from '#platform/aws-client';
import type { AwsPlace } from '#platform/aws-client';
import { s3Error } from '#platform/objects/s3/s3-error';

export interface S3Place extends AwsPlace {
  readonly bucket: string;
  /** `endpoint/bucket/key` in place of `bucket.endpoint/key`. */
  readonly pathStyle: boolean;
}

/** A bucket with its connections. Every request is bounded in time, and its failure says what to do. */
export class S3Bucket {
  readonly name: string;
  readonly client: S3Client;
  readonly #requestMs: number;

  constructor(place: S3Place, patience = AWS_PATIENCE) {
    this.name = place.bucket;
    this.#requestMs = patience.requestMs;
    this.client = new S3Client({
      ...awsClientOptions(place, patience),
      forcePathStyle: place.pathStyle,
      followRegionRedirects: place.endpoint === undefined,
      // We send SHA-256 ourselves and compare it on whole reads; a part of an object has no checksum in S3.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
    });
  }

  /**
   * Sends a request; `permission` is the one that it needs.
   * @throws ServiceUnavailable, ObjectStoreError
   */
  async ask<Answer>(
    permission: string,
    request: (client: S3Client, options: { readonly abortSignal: AbortSignal }) => Promise<Answer>,
  ): Promise<Answer> {
    try {
      return await request(this.client, { abortSignal: AbortSignal.timeout(this.#requestMs) });
    } catch (error) {
      throw s3Error(error, { bucket: this.name, permission });
    }
  }

  close(): void {
    this.client.destroy();
  }
}
