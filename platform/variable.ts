import { isIP } from 'node:net';
import { z } from 'zod';

/** One variable of the environment: how its text is read, and what people are told about it. */
export interface Variable<T> {
  readonly name: string;
  readonly description: string;
  /** The text that stands for an unset variable; undefined = there is none, the value is optional. */
  readonly fallback: string | undefined;
  readonly schema: z.ZodType<T, string>;
}

export function variable<T>(
  name: string,
  schema: z.ZodType<T, string>,
  fallback: string,
  description: string,
): Variable<T> {
  return { name, schema, fallback, description };
}

export function optional<T>(
  name: string,
  schema: z.ZodType<T, string>,
  description: string,
): Variable<T | undefined> {
  return { name, schema, fallback: undefined, description };
}

export const text = z.string().min(1, 'must not be empty');
export const yesOrNo = z
  .enum(['true', 'false'], 'must be true or false')
  .transform((value) => value === 'true');

export function whole(min: number, max: number): z.ZodType<number, string> {
  const message = `must be a whole number from ${min} to ${max}`;
  return z
    .string()
    .regex(/^\d{1,15}$/, message)
    .transform(Number)
    .refine((value) => value >= min && value <= max, message);
}

export function list<T>(item: z.ZodType<T, string>): z.ZodType<readonly T[], string> {
  return z
    .string()
    .transform((value) => value.split(',').flatMap((part) => (part.trim() === '' ? [] : [part.trim()])))
    .pipe(z.array(item));
}

export function url(protocols: readonly string[]): z.ZodType<string, string> {
  return z.string().refine(
    (value) => {
      return URL.canParse(value) && protocols.includes(new URL(value).protocol);
    },
    `must be a URL that begins with ${protocols.map((protocol) => `${protocol}//`).join(' or ')}`,
  );
}

/** `*`, or an origin as browsers send it: no path, no trailing slash. */
export const origin = z
  .string()
  .refine(
    (value) => value === '*' || (URL.canParse(value) && new URL(value).origin === value),
    'must be origins such as https://console.example.com',
  );

export const network = z.string().refine((value) => {
  const [address = '', bits, ...rest] = value.split('/');
  const family = isIP(address);
  const width = bits === undefined ? 0 : /^\d{1,3}$/.test(bits) ? Number(bits) : Number.NaN;
  return family !== 0 && rest.length === 0 && width <= (family === 4 ? 32 : 128);
}, 'must be addresses or networks such as 10.0.0.0/8');

/** What the variables of a table become when they are read. */
export type Values<T> = { readonly [K in keyof T]: T[K] extends Variable<infer V> ? V : never };
