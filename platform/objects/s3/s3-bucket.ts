import { S3Client } from '@aws-sdk/client-s3';

import { s3Error } from '#platform/objects/s3/s3-error';

/** Where a bucket is. Credentials come by the SDK's chain: environment, profile, web identity, instance. */
export interface S3Place {
  readonly bucket: string;
  /** Undefined: AWS. */
  readonly endpoint: string | undefined;
  /** Undefined: as the SDK finds it (AWS_REGION, profile). */
  readonly region: string | undefined;
  /** `endpoint/bucket/key` in place of `bucket.endpoint/key`. */
  readonly pathStyle: boolean;
}

/** How long S3 may take, in milliseconds. */
export interface S3Patience {
  /** For one try: to connect, and to send all and get the answer's head. */
  readonly connectMs: number;
  readonly tryMs: number;
  /** For a request with all of its tries. */
  readonly requestMs: number;
}

const PATIENCE: S3Patience = { connectMs: 3_000, tryMs: 15_000, requestMs: 45_000 };
/** Tries of a request; the SDK waits between them, with jitter and longer each time. */
const TRIES = 4;
/** Open connections; what goes beyond waits for one. */
const CONNECTIONS = 64;

export interface RequestOptions {
  readonly abortSignal: AbortSignal;
}

/** A bucket with its connections. Every request is bounded in time, and its failure says what to do. */
export class S3Bucket {
  readonly name: string;
  readonly client: S3Client;
  readonly #requestMs: number;

  constructor({ bucket, endpoint, region, pathStyle }: S3Place, patience = PATIENCE) {
    this.name = bucket;
    this.#requestMs = patience.requestMs;
    const agent = { keepAlive: true, maxSockets: CONNECTIONS };
    const where = endpoint === undefined ? region : (region ?? 'us-east-1');
    this.client = new S3Client({
      ...(endpoint !== undefined && { endpoint }),
      ...(where !== undefined && { region: where }),
      forcePathStyle: pathStyle,
      followRegionRedirects: endpoint === undefined,
      maxAttempts: TRIES,
      // We send SHA-256 ourselves and compare it on whole reads; parts of objects have no checksum in S3.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      requestHandler: {
        connectionTimeout: patience.connectMs,
        requestTimeout: patience.tryMs,
        throwOnRequestTimeout: true,
        httpAgent: agent,
        httpsAgent: agent,
        // Its only word is that requests wait for a connection, which is meant to be.
        logger: { trace: quiet, debug: quiet, info: quiet, warn: quiet, error: quiet },
      },
    });
  }

  /**
   * Sends a request; `permission` is the one that it needs.
   * @throws ServiceUnavailable, ObjectStoreError
   */
  async ask<Answer>(
    permission: string,
    request: (client: S3Client, options: RequestOptions) => Promise<Answer>,
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

function quiet(): void {
  return undefined;
}
