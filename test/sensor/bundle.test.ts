/** The packaged sensor: few files with nothing of the collector's in them, and it runs. */
import fs from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { bundleSensor } from '../../deploy/bundle.ts';
import packageJson from '../../package.json' with { type: 'json' };
import { root } from '../support/enaga.ts';
import { startSensor } from '../support/sensor.ts';
import { temporary } from './support.ts';

/** What the sensor is made of, beside its own files: a package that is added is to be meant. */
const PACKAGES = [
  'ansi-regex',
  'cli-progress',
  'commander',
  'emoji-regex',
  'http-message-signatures',
  'ipaddr.js',
  'is-fullwidth-code-point',
  'string-width',
  'strip-ansi',
  'structured-headers',
];

it('is made of its own files and a few packages, and starts beside its native addons alone', async () => {
  const folder = temporary();
  const file = path.join(folder, 'enaga-sensor.mjs');
  const { inputs, packages } = await bundleSensor(file);
  expect(packages).toEqual(['better-sqlite3', 'pcap']);
  const files = inputs.map(([input]) => input);
  const bundled = files.flatMap(input => /^node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(input)?.[1] ?? []);
  expect([...new Set(bundled)].sort()).toEqual(PACKAGES);
  const own = files.filter(input => !input.startsWith('node_modules/'));
  expect(own.filter(input => !/^(sensor|common)\//.test(input))).toEqual(['package.json']);
  expect(own.length).toBeGreaterThan(40);

  fs.symlinkSync(path.join(root, 'node_modules'), path.join(folder, 'node_modules'));
  const bundle = (...args: string[]) => startSensor(args, { main: file }).outcome;
  expect(await bundle('--version')).toMatchObject({ code: 0, stdout: `${packageJson.version}\n` });
  const check = await bundle('check', '--json', '--state', folder);
  expect(JSON.parse(check.stdout)[0]).toMatchObject({ check: 'configuration', state: 'fail' });
});
