/**
 * `npm run package`: a Debian package of the sensor and one of the collector, for this machine's architecture:
 *
 *     dist/enaga-sensor_VERSION_ARCH.deb     dist/enaga-collector_VERSION_ARCH.deb
 *
 * Each brings its own Node, one bundle of its program, and the native addons it loads; nothing is fetched, and nothing is built
 * where it is installed. The same sources and maintainer give the same bytes: times in a package are SOURCE_DATE_EPOCH, or the last commit's.
 * Exit codes: 0 built, 1 failed, 2 wrong usage.
 */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import packageJson from '../../package.json' with { type: 'json' };
import { architecture, buildDeb, PackageFailed, toolMissing } from './deb.ts';
import { MAINTAINER_DEFAULT, maintainerOf } from './maintainer.ts';
import { PROGRAMS, type Program } from './programs.ts';
import { layOut, root, runtime } from './tree.ts';

const USAGE = `Usage: npm run package -- [options]

  --out DIR          where the packages go (default: dist)
  --only NAME        build this one: ${PROGRAMS.map(({ name }) => name).join(' or ')}
  --version VERSION  call it that (default: ${packageJson.version})
  --maintainer WHO   who answers for it, as 'Name <mail>' (default: DEBFULLNAME and DEBEMAIL, as Debian's tools take them;
                     without these ${MAINTAINER_DEFAULT})
  --fast             compress little: for trying them out
  --help             this

Examples:
  npm run package
  npm run package -- --only enaga-sensor --out /tmp/packages
  npm run package -- --maintainer 'Example CSIRT <packages@csirt.example>'
`;

/** A sensor's package is to fit through the line of whoever installs it. */
const SENSOR_BYTES_MAX = 50e6;

interface Order {
  readonly out: string;
  readonly version: string;
  readonly maintainer: string;
  readonly fast: boolean;
  /** Seconds since 1970. */
  readonly epoch: number;
}

const say = (text: string): void => void process.stderr.write(text);

/** Says what it does, does it, says how long it took. */
async function step<Result>(what: string, work: () => Result | Promise<Result>): Promise<Result> {
  const start = performance.now();
  say(`package: ${what} ... `);
  try {
    const result = await work();
    say(`${((performance.now() - start) / 1000).toFixed(1)} s\n`);
    return result;
  } catch (error) {
    say('failed\n');
    throw error;
  }
}

/** Of the sources: what is built from the same commit is the same. */
function sourceEpoch(): number {
  const given = process.env.SOURCE_DATE_EPOCH;
  if (given !== undefined) {
    if (!/^\d{1,11}$/.test(given)) throw new PackageFailed('SOURCE_DATE_EPOCH is no number of seconds');
    return Number(given);
  }
  const { stdout } = spawnSync('git', ['log', '-1', '--format=%ct'], { cwd: root, encoding: 'utf8' });
  return Number(/^\d+/.exec(stdout ?? '')?.[0] ?? Math.floor(Date.now() / 1000));
}

async function make(program: Program, { out, ...order }: Order): Promise<void> {
  const { version } = order;
  const { name } = program;
  const tree = fs.mkdtempSync(path.join(os.tmpdir(), `${name}-`));
  try {
    await step(`${name} ${version}: bundle, runtime, licences`, () => layOut(program, tree));
    const file = path.join(out, `${name}_${version}_${architecture()}.deb`);
    await step(`${name} ${version}: compress`, () => buildDeb({ program, tree, file, ...order }));
    const { size } = fs.statSync(file);
    say(`package: ${path.relative(process.cwd(), file)}, ${(size / 1e6).toFixed(1)} MB\n`);
    if (name === 'enaga-sensor' && size > SENSOR_BYTES_MAX)
      throw new PackageFailed(`the sensor's package is larger than ${SENSOR_BYTES_MAX / 1e6} MB`);
  } finally {
    fs.rmSync(tree, { recursive: true });
  }
}

async function main(): Promise<number> {
  const { values: flags } = parseArgs({
    options: {
      out: { type: 'string', default: path.join(root, 'dist') },
      only: { type: 'string' },
      version: { type: 'string', default: packageJson.version },
      maintainer: { type: 'string' },
      fast: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (flags.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const programs = PROGRAMS.filter(({ name }) => flags.only === undefined || name === flags.only);
  if (programs.length === 0) throw new TypeError(`--only ${flags.only}: there is no such package`);
  if (!/^\d[\w.+-]*$/.test(flags.version))
    throw new TypeError(`--version ${flags.version}: it must begin with a digit`);
  const maintainer = maintainerOf(flags.maintainer, process.env);
  if (maintainer === undefined)
    throw new TypeError(
      `${flags.maintainer === undefined ? 'DEBFULLNAME and DEBEMAIL' : '--maintainer'}: it takes a name and an address, like 'Name <mail>'`,
    );
  const missing = toolMissing();
  if (missing !== undefined) throw new PackageFailed(missing);
  runtime(); // what is not set up is told before anything is done
  const version = flags.version.replaceAll('-', '~'); // 1.0.0-rc.1 is before 1.0.0
  const order: Order = { out: path.resolve(flags.out), version, maintainer, fast: flags.fast, epoch: sourceEpoch() };
  fs.mkdirSync(order.out, { recursive: true });
  for (const program of programs) await make(program, order);
  return 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  const { name, message, code } = error as NodeJS.ErrnoException;
  const usage = name === 'TypeError' && (code === undefined || code.startsWith('ERR_PARSE_ARGS'));
  if (!usage && !(error instanceof PackageFailed)) throw error;
  say(`package: ${message}\n${usage ? '(npm run package -- --help says more)\n' : ''}`);
  process.exitCode = usage ? 2 : 1;
}
