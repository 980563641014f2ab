import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';

import type { Finding } from '#cli/doctor/finding';
import { ok, reasonOf, trouble, warning } from '#cli/doctor/finding';
import type { Config } from '#platform/config';

const DAY_MS = 86_400_000;
/** Time enough to have a certificate renewed by hand. */
const SOON_MS = 14 * DAY_MS;

/** Certificate and key of CAIRN_TLS_CERT and CAIRN_TLS_KEY: read, put together, and looked at for their end. */
export async function examineTls({ tlsCert, tlsKey }: Config, now = Date.now()): Promise<readonly Finding[]> {
  if (tlsCert === undefined || tlsKey === undefined) return [];
  try {
    const [cert, key] = await Promise.all([readFile(tlsCert), readFile(tlsKey)]);
    // Throws when the two do not belong together.
    createSecureContext({ cert, key });
    return [validity(new X509Certificate(cert), now)];
  } catch (error) {
    const advice = 'Check both files, and that this user may read them: a start needs them.';
    return [trouble('TLS', reasonOf(error), advice)];
  }
}

function validity(certificate: X509Certificate, now: number): Finding {
  const end = certificate.validToDate;
  const found = `the certificate ends at ${end.toISOString()}`;
  if (certificate.validFromDate.getTime() > now) {
    return trouble(
      'TLS',
      `the certificate begins at ${certificate.validFromDate.toISOString()}`,
      'Check the clock.',
    );
  }
  if (end.getTime() <= now) return trouble('TLS', found, 'Renew it: clients refuse to connect.');
  if (end.getTime() - now < SOON_MS) return warning('TLS', found, 'Renew it, and start Cairn again.');
  return ok('TLS', found);
}
