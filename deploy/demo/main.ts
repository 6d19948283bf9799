/**
 * `npm run demo`: replays the fixture captures with `enaga replay`, so that a newcomer sees the main job done: tables here, and a
 * report to open in a browser.
 */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

const root = path.dirname(import.meta.dirname);
const captures = path.join('fixtures', 'captures');
const report = path.join('demo', 'report.html');

/** Captures that show an ordinary day: not the broken ones, nor that of odd times, which has a day in the year 9999. */
const shown = fs
  .readdirSync(path.join(root, captures))
  .filter(name => /\.pcap(ng)?(\.gz|\.zst)?$/.test(name))
  .filter(name => !/^(broken-|pcapng-times|unknown-link-type)/.test(name))
  .map(name => path.join(captures, name));

fs.mkdirSync(path.join(root, 'demo'), { recursive: true });
process.stdout.write(
  `\n$ npm run -s enaga -- replay --top 5 --report ${report} ${captures}/...   (${shown.length} captures)\n`,
);
const { status, signal } = spawnSync(
  process.execPath,
  [path.join('collector', 'main.ts'), 'replay', '--top', '5', '--report', report, ...shown],
  { cwd: root, stdio: 'inherit' },
);
if (status === 0)
  process.stdout.write(`
Open ${path.join(root, report)} in a browser: the same with charts, in English and Japanese.
Your own captures: npm run -s enaga -- replay --report report.html FILE.pcap...   (--help says more)
`);
process.exitCode = signal === null ? (status ?? 1) : 1;
