// Whether the process of this container answers: HEALTHCHECK of the Dockerfile.
import { get as getPlain } from 'node:http';
import { get as getTls } from 'node:https';

const { CAIRN_PORT, CAIRN_TLS_CERT } = process.env;
const [get, scheme] = CAIRN_TLS_CERT ? [getTls, 'https'] : [getPlain, 'http'];
const fail = () => process.exit(1);
const request = get(
  `${scheme}://127.0.0.1:${CAIRN_PORT || 4600}/healthz`,
  // The certificate names the outside, and this never leaves the container.
  { rejectUnauthorized: false, timeout: 4_000 },
  (answer) => process.exit(answer.statusCode === 200 ? 0 : 1),
);
request.on('timeout', fail);
request.on('error', fail);
