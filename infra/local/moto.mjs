import { VERSIONS } from './programs.mjs';
import { pythonPackage } from './python.mjs';
import { statusOf } from './s3.mjs';

/** moto: AWS in memory. Cairn's tests ask its S3 about server-side encryption, and its KMS. */
export const moto = {
  name: 'moto',
  ports: 1,
  signals: ['SIGTERM'],
  // Its Python may lie where only we can reach it (pyenv below root's home).
  asOurselves: true,

  install: ({ cache }) => pythonPackage(cache, `moto[server]==${VERSIONS.moto}`),

  async command(_context, { folder, python }, [port]) {
    return {
      program: python,
      args: ['-m', 'moto.server', '-H', '127.0.0.1', '-p', String(port)],
      env: { PATH: process.env.PATH, HOME: process.env.HOME, PYTHONPATH: folder },
    };
  },

  address(_context, [port]) {
    return { moto: { endpoint: `http://127.0.0.1:${port}` } };
  },

  async answers({ moto: { endpoint } }) {
    return (await statusOf(`${endpoint}/moto-api/`)) === 200;
  },
};
