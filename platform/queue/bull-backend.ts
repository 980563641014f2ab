import { createPostgresBackend, withBackend } from 'bullmq';
import type { Job, Processor, Queue, Worker, WorkerOptions } from 'bullmq';

/** The part of a BullMQ queue that is used here, the same for every backend. */
export type BullQueue = Pick<
  Queue,
  'add' | 'upsertJobScheduler' | 'removeJobScheduler' | 'getJobSchedulers' | 'getJobCounts' | 'close'
> & {
  getJob(id: string): Promise<BullJob | undefined>;
  getFailed(start: number, end: number): Promise<BullJob[]>;
  waitUntilReady(): Promise<unknown>;
  on(event: 'error', listener: (error: Error) => void): unknown;
};

export type BullJob = Pick<
  Job,
  | 'id'
  | 'name'
  | 'data'
  | 'opts'
  | 'attemptsMade'
  | 'repeatJobKey'
  | 'failedReason'
  | 'getState'
  | 'retry'
  | 'remove'
  | 'moveToDelayed'
>;

export type BullWorker = Pick<Worker, 'run' | 'pause' | 'close'> & {
  waitUntilReady(): Promise<unknown>;
  on(event: 'error', listener: (error: Error) => void): unknown;
};

export type BullProcessor = (job: BullJob, token?: string, signal?: AbortSignal) => Promise<void>;
export type BullWorkerOptions = Omit<WorkerOptions, 'connection'>;

/** Where BullMQ keeps its jobs; what differs between PostgreSQL and Redis ends here. */
export interface BullBackend {
  queue(name: string): BullQueue;
  worker(name: string, processor: BullProcessor, options: BullWorkerOptions): BullWorker;
  /** Ends what connections are left when queues and workers are closed, or would not close. */
  close(): Promise<void>;
}

interface PostgresBackendOptions {
  readonly connectionString: string;
  /** The schema of BullMQ's own tables; created and migrated by BullMQ when a queue opens. */
  readonly schema?: string;
  /** Connections that one queue or worker may open, its LISTEN connection aside. */
  readonly maxConnections?: number;
}

export function postgresBackend(options: PostgresBackendOptions): BullBackend {
  const bull = withBackend(createPostgresBackend);
  const connection = {
    connectionString: options.connectionString,
    schema: options.schema ?? 'cairn_queue',
    migrate: true,
    max: options.maxConnections ?? 3,
    application_name: 'cairn-queue',
  };
  return {
    queue: (name) => new bull.Queue(name, { connection }),
    worker: (name, processor, workerOptions) => {
      const typed: Processor<unknown, void> = processor;
      return new bull.Worker(name, typed, { ...workerOptions, connection });
    },
    close: () => Promise.resolve(),
  };
}
