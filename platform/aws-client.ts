/** Where an AWS service is. Credentials come by the SDK's chain: environment, profile, web identity, instance. */
export interface AwsPlace {
  /** Undefined: AWS. */
  readonly endpoint: string | undefined;
  /** Undefined: as the SDK finds it (AWS_REGION, profile). */
  readonly region: string | undefined;
}

/** How long a service may take, in milliseconds. */
export interface AwsPatience {
  /** For one try: to connect, and to send all and get the answer's head. */
  readonly connectMs: number;
  readonly tryMs: number;
  /** For a request with all of its tries. */
  readonly requestMs: number;
}

export const AWS_PATIENCE: AwsPatience = { connectMs: 3_000, tryMs: 15_000, requestMs: 45_000 };

/** Tries of a request; the SDK waits between them, with jitter and longer each time. */
const TRIES = 4;
/** Open connections of a client; requests beyond wait for one. */
const CONNECTIONS = 64;
/** What servers other than AWS answer to. */
const ANY_REGION = 'us-east-1';

/** The options that all clients of AWS have in common. */
export function awsClientOptions({ endpoint, region }: AwsPlace, patience = AWS_PATIENCE) {
  const where = region ?? (endpoint === undefined ? undefined : ANY_REGION);
  const agent = { keepAlive: true, maxSockets: CONNECTIONS };
  return {
    ...(endpoint !== undefined && { endpoint }),
    ...(where !== undefined && { region: where }),
    maxAttempts: TRIES,
    requestHandler: {
      connectionTimeout: patience.connectMs,
      requestTimeout: patience.tryMs,
      throwOnRequestTimeout: true,
      httpAgent: agent,
      httpsAgent: agent,
      // Its only word is that requests wait for a connection, which is meant to be.
      logger: { trace: quiet, debug: quiet, info: quiet, warn: quiet, error: quiet },
    },
  };
}

function quiet(): void {
  return undefined;
}
