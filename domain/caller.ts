import { z } from 'zod';
import { ROLES, type Principal } from '#domain/principal';

/** Who asks, established once at a door and handed to whatever answers behind it. */
export interface Caller {
  readonly principal: Principal;
  /** Given by the client (`x-request-id`) or made at the door; it stands in errors and in the log. */
  readonly requestId: string;
  readonly clientAddress: string | undefined;
  /** What the client calls itself; at most MAX_USER_AGENT characters. */
  readonly userAgent?: string | undefined;
}

export const MAX_USER_AGENT = 256;

const CALLER = z.strictObject({
  principal: z.strictObject({
    keyId: z.string().min(1).max(128),
    role: z.enum(ROLES),
    accounts: z.union([z.literal('ALL'), z.array(z.string().max(64))]),
  }),
  requestId: z.string().min(1).max(128),
  clientAddress: z.string().max(64).optional(),
  userAgent: z.string().max(MAX_USER_AGENT).optional(),
});

/** As another process of the installation tells it, in JSON; undefined when that is no caller. */
export function readCaller(value: unknown): Caller | undefined {
  const parsed = CALLER.safeParse(value);
  if (!parsed.success) return undefined;
  const { principal, requestId, clientAddress, userAgent } = parsed.data;
  return { principal, requestId, clientAddress, ...(userAgent !== undefined && { userAgent }) };
}
