import { z } from 'zod';
import { optional, text, variable, whole } from '#platform/variable';

const MISTAKE =
  'must be names with their addresses, such as events=http://10.0.0.5:4610|http://10.0.0.6:4610';

/** `name=url|url,name=url`: origins by name. */
const addresses = z
  .string()
  .transform((value) => value.split(',').flatMap((part) => (part.trim() === '' ? [] : [part.trim()])))
  .refine((parts) => parts.every((part) => /^[a-z]{1,32}=[^=]+$/.test(part)), MISTAKE)
  .transform((parts) =>
    parts.map((part): readonly [string, readonly string[]] => {
      const [name = '', urls = ''] = part.split('=');
      return [name, urls.split('|').map((url) => url.trim().replace(/\/$/, ''))];
    }),
  )
  .refine((parts) => parts.every(([, urls]) => urls.every(isOrigin)), MISTAKE)
  .refine((parts) => new Set(parts.map(([name]) => name)).size === parts.length, 'names one twice')
  .transform((parts): Readonly<Record<string, readonly string[]>> => Object.fromEntries(parts));

function isOrigin(url: string): boolean {
  return URL.canParse(url) && /^https?:\/\//.test(url) && new URL(url).origin === url;
}

/** What the processes of a cluster (`cairn start --role`) know of each other. */
export const CLUSTER = {
  subgraphs: variable(
    'CAIRN_SUBGRAPHS',
    addresses,
    '',
    'For a gateway: where subgraphs of other processes answer, as name=url|url,name=url.',
  ),
  internalKey: optional(
    'CAIRN_INTERNAL_KEY',
    text,
    'File with the key that signs requests between processes (64 hexadecimal digits). Unset: one derived from the master key.',
  ),
  drainSeconds: variable(
    'CAIRN_DRAIN_SECONDS',
    whole(0, 3_600),
    '5',
    'Seconds that a process of a cluster goes on answering after it was told to stop, not ready any more, so that balancers look elsewhere.',
  ),
  stopSeconds: variable(
    'CAIRN_STOP_SECONDS',
    whole(1, 3_600),
    '30',
    'Seconds after the draining in which a process of a cluster ends its work; then it ends at once.',
  ),
};
