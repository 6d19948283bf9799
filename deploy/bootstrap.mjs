/**
 * Sets up what a fresh clone lacks: `node deploy/bootstrap.mjs [base|test|bench] [--quiet]`.
 *
 * The npm scripts call it before anything else (`bootstrap && exec node PROGRAM`: npm puts node_modules/.bin first on PATH,
 * and `node` there is the pinned Node 24). So it is plain JavaScript, has no dependency, and runs under Node 20.
 *
 *   1. Debian packages   only the missing ones; those that build `pcap` are asked for only while it is not built
 *   2. npm packages      npm ci --ignore-scripts: an install script would build `pcap` for the Node that runs npm
 *   3. pcap              built for the pinned Node, with the headers that its npm package brings, then loaded by it
 *
 * Every line goes to standard error, so that `npm run -s enaga -- ... | jq` works. Nothing to do costs a few milliseconds
 * and prints one line, with `--quiet` none. Two at once take turns: the lock is the kernel's (flock), so none can be stale,
 * and it lasts as long as the last child of a killed set-up. Exit codes: 0 ready, 1 a step failed, 2 usage.
 */
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const SELF = fileURLToPath(import.meta.url);
const ROOT = path.dirname(path.dirname(SELF));
const NODE_MAJOR_MIN = 20; // runs npm and this file
const NODE_MAJOR = 24; // runs the programs

/** Debian's names. `base` builds the libpcap binding, and is asked for only while that is not built. */
const DEBIAN = {
  base: ['g++', 'libpcap-dev', 'make', 'python3'],
  test: [
    'chromium',
    'debootstrap',
    'hping3',
    'iproute2',
    'libxml2-utils',
    'masscan',
    'mmdb-bin',
    'nftables',
    'nmap',
    'procps',
    'strace',
    'tcpdump',
    'tshark',
    'zmap',
    'zstd',
  ],
  bench: ['libtrace-tools', 'mawk', 'nfdump', 'tcpdump', 'time', 'tshark'],
};

const MODULES = path.join(ROOT, 'node_modules');
const PCAP = path.join(MODULES, 'pcap');
const PCAP_BINDING = path.join(PCAP, 'build', 'Release', 'pcap_binding.node');
const PCAP_STAMP = path.join(PCAP, 'build', 'built-for.json');
const NODE_PACKAGE = `node-${process.platform}-${process.arch}`;

/** What a failed command's output says about what to do. The first that matches counts. */
const ADVICE = [
  [/ENOSPC|No space left on device/i, 'the disk is full: about 1.5 GB must be free for a first set-up'],
  [/dpkg was interrupted/i, 'run `dpkg --configure -a` as root, then start this again'],
  [
    /Could not get lock|Unable to acquire the dpkg/i,
    'another package manager is at work: wait for it, then start this again',
  ],
  [
    /EAI_AGAIN|ENOTFOUND|ETIMEDOUT|ECONNREFUSED|ECONNRESET|ENETUNREACH|failure resolving|Could not connect|Unable to fetch/i,
    'no way to the server: check the network and the proxy settings, then start this again',
  ],
  [
    /Unable to locate package/,
    'check the network and /etc/apt/sources.list: the lists of packages could not be read, or lack this one',
  ],
  [
    /CERT_|certificate verif|SELF_SIGNED/,
    'the server’s certificate is not trusted: set NODE_EXTRA_CA_CERTS or npm’s `cafile`',
  ],
  [/EACCES|EPERM|Permission denied/i, `check who owns ${ROOT}: everything in it must be writable by you`],
  [
    /can only install packages when|EUSAGE/,
    'package.json and package-lock.json disagree: run `npm install --ignore-scripts`',
  ],
];

class SetupFailed extends Error {
  /** @param {string} message what failed  @param {string} advice what to do */
  constructor(message, advice, output = '') {
    super(message);
    this.advice = advice;
    this.output = output;
  }
}

const adviceFor = output => ADVICE.find(([pattern]) => pattern.test(output))?.[1];
const say = text => process.stderr.write(text);
const seconds = since => `${((performance.now() - since) / 1000).toFixed(1)} s`;
const readJson = file => JSON.parse(readFileSync(file, 'utf8'));

/** Says what it does, does it, says how long it took. */
function step(what, work) {
  const start = performance.now();
  say(`set-up: ${what} ... `);
  try {
    work();
  } catch (error) {
    say('failed\n');
    throw error;
  }
  say(`${seconds(start)}\n`);
}

/** Runs a command to its end, out of sight; its output matters only if it fails. Standard input is the program's, not ours. */
function run(command, args, { env = process.env, cwd = ROOT, advice = 'the lines above say why' } = {}) {
  const result = spawnSync(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], maxBuffer: 1 << 28 });
  const output = `${result.stdout ?? ''}${result.stderr ?? ''}`;
  if (result.status === 0) return output;
  const how = result.error?.message ?? (result.signal ? `killed by ${result.signal}` : `exit code ${result.status}`);
  const shown = [command, ...args]
    .filter(arg => !arg.startsWith('-'))
    .map(arg => path.basename(arg))
    .join(' ');
  throw new SetupFailed(`\`${shown}\`: ${how}`, adviceFor(output) ?? advice, shortened(output));
}

/** npm says the cause first, make and apt say it last. */
function shortened(output) {
  const lines = output.trimEnd().split('\n');
  return lines.length <= 40 ? lines.join('\n') : [...lines.slice(0, 12), '...', ...lines.slice(-28)].join('\n');
}

/** The environment without npm's settings: node-gyp lets `npm_config_nodedir` win over its own `--nodedir`. */
function environmentWithoutNpm(extra) {
  const kept = Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name));
  return { ...Object.fromEntries(kept), ...extra };
}

// 1. Debian packages

/** Those of `packages` that are not installed; undefined where there is no dpkg to ask. */
function missingDebianPackages(packages) {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the format is dpkg-query's own
  const asked = spawnSync('dpkg-query', ['-W', '-f', '${Package} ${db:Status-Abbrev}\n', ...packages], {
    encoding: 'utf8',
  });
  if (asked.error) return undefined;
  const installed = new Set(asked.stdout.split('\n').flatMap(line => /^(\S+) .i/.exec(line)?.[1] ?? []));
  return packages.filter(name => !installed.has(name));
}

function installDebianPackages(packages) {
  if (process.getuid?.() !== 0) {
    const command = `sudo apt-get install --no-install-recommends ${packages.join(' ')}`;
    throw new SetupFailed('installing Debian packages needs root', `run \`${command}\`, then start this again`);
  }
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }; // tshark asks a question otherwise
  const patience = ['-oDPkg::Lock::Timeout=300', '-oAcquire::Retries=3'];
  run('apt-get', ['update', ...patience], { env });
  run('apt-get', ['install', '--yes', '--no-install-recommends', ...patience, ...packages], { env });
}

// 2. npm packages

/**
 * Whether node_modules is what package-lock.json asks for. npm keeps a lockfile of its own inside node_modules, which it
 * removes first and writes last, so an interrupted install has none, and one made with `npm install` counts too.
 */
function npmPackagesInstalled() {
  const hidden = path.join(MODULES, '.package-lock.json');
  if (!existsSync(hidden)) return false;
  const { '': _, ...wanted } = readJson(path.join(ROOT, 'package-lock.json')).packages;
  const { packages: present } = readJson(hidden);
  const right = ([name, { version, integrity, ...wants }]) =>
    present[name]
      ? present[name].version === version && present[name].integrity === integrity
      : wants.optional && !isForThisPlatform(wants);
  return Object.entries(wanted).every(right) && Object.keys(present).every(name => wanted[name]);
}

/** npm leaves out an optional package that it could not fetch without a word, as it does one for another platform. */
const isForThisPlatform = ({ os, cpu, libc = ['glibc'] }) =>
  Boolean(os?.includes(process.platform) && cpu?.includes(process.arch) && libc.includes('glibc'));

/** npm's own script: of the npm that started us, else of the one on PATH, else of the one beside this Node. */
function findNpm() {
  const folders = (process.env.PATH ?? '').split(path.delimiter);
  const places = [
    process.env.npm_execpath,
    ...folders.map(folder => path.join(folder, 'npm')),
    path.resolve(process.execPath, '../../lib/node_modules/npm/bin/npm-cli.js'),
  ];
  const found = places
    .filter(place => place && existsSync(place))
    .map(place => realpathSync(place))
    .find(place => path.basename(place) === 'npm-cli.js'); // not yarn, nor a wrapper in another language
  if (!found) throw new SetupFailed('npm was not found', 'install npm (it comes with Node), then start this again');
  return found;
}

function installNpmPackages() {
  rmSync(path.join(MODULES, '.package-lock.json'), { force: true });
  const quiet = ['--loglevel=error', '--no-audit', '--no-fund', '--no-update-notifier', '--no-progress'];
  const whole = ['--ignore-scripts', '--include=dev', '--include=optional', '--no-engine-strict', '--no-dry-run'];
  run(process.execPath, [findNpm(), 'ci', ...whole, ...quiet]);
  if (!npmPackagesInstalled()) {
    const advice = 'start this again; if it stays so, see what `npm ci --ignore-scripts --loglevel=http` says';
    throw new SetupFailed('npm left out an optional package for this platform', advice);
  }
}

// 3. Node 24 and the libpcap binding

/** The Node that runs the programs: from npm on Linux x64 and arm64, elsewhere the machine's own if it is new enough. */
function findNode() {
  const home = path.join(MODULES, NODE_PACKAGE);
  if (existsSync(path.join(home, 'bin', 'node'))) {
    return { home, version: readJson(path.join(home, 'package.json')).version, bin: path.join(home, 'bin', 'node') };
  }
  if (Number.parseInt(process.versions.node, 10) >= NODE_MAJOR) {
    return { home: path.resolve(process.execPath, '../..'), version: process.versions.node, bin: process.execPath };
  }
  throw new SetupFailed(
    `npm has no Node ${NODE_MAJOR} for ${process.platform} ${process.arch}, and this is ${process.version}`,
    `install Node ${NODE_MAJOR} or later, then start this again`,
  );
}

/** What the binding was built for, and that nobody built it anew since (`npm rebuild` does, for another Node). */
function pcapBuildKey() {
  const { size, mtimeMs } = statSync(PCAP_BINDING);
  const { version } = readJson(path.join(PCAP, 'package.json'));
  return JSON.stringify({ node: findNode().version, pcap: version, size, mtimeMs });
}

const pcapBuilt = () =>
  existsSync(PCAP_BINDING) && existsSync(PCAP_STAMP) && readFileSync(PCAP_STAMP, 'utf8') === pcapBuildKey();

/**
 * Builds in a folder of its own: make and gyp break on a path with spaces, which a clone may have and the folder for
 * temporary files has not; and a build that is interrupted leaves nothing behind that looks like one.
 */
function buildPcap() {
  const { home, bin } = findNode();
  const nodeGyp = createRequire(findNpm()).resolve('node-gyp/bin/node-gyp.js'); // npm brings it
  const folder = mkdtempSync(path.join(tmpdir(), 'enaga-pcap-'));
  const source = path.join(folder, 'node_modules', 'pcap');
  try {
    cpSync(PCAP, source, { recursive: true, filter: file => file !== path.join(PCAP, 'build') });
    cpSync(path.join(MODULES, 'nan'), path.join(folder, 'node_modules', 'nan'), { recursive: true });
    symlinkSync(home, path.join(folder, 'node'));
    const env = environmentWithoutNpm({
      PATH: `${path.dirname(bin)}${path.delimiter}${process.env.PATH}`,
      JOBS: 'max',
    });
    const args = [nodeGyp, 'rebuild', `--nodedir=${path.join(folder, 'node')}`];
    const advice = 'see that g++, make, python3 and libpcap’s headers are installed, then start this again';
    run(bin, args, { env, cwd: source, advice });
    mkdirSync(path.dirname(PCAP_BINDING), { recursive: true });
    cpSync(path.join(source, 'build', 'Release', 'pcap_binding.node'), `${PCAP_BINDING}.tmp`);
    renameSync(`${PCAP_BINDING}.tmp`, PCAP_BINDING);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  run(bin, ['-e', 'require(process.argv[1])', PCAP], { advice: 'it was built but does not load: report this, please' });
  writeFileSync(PCAP_STAMP, pcapBuildKey());
}

// The whole

/** What is still to be done for a scope, in order: `[what, work]`. Looking takes a few milliseconds. */
function pendingSteps(scope) {
  const steps = [];
  const npm = !npmPackagesInstalled();
  const pcap = npm || !pcapBuilt();
  const packages = [...(pcap ? DEBIAN.base : []), ...(scope === 'base' ? [] : DEBIAN[scope])];
  const missing = packages.length > 0 ? missingDebianPackages(packages) : [];
  if (missing === undefined)
    say(`set-up: not a Debian system: install what these bring there: ${packages.join(' ')}\n`);
  else if (missing.length > 0) {
    steps.push([`Debian packages (${missing.join(' ')})`, () => installDebianPackages(missing)]);
  }
  if (npm) steps.push(['npm packages', installNpmPackages]);
  if (pcap) steps.push([`libpcap binding for Node ${NODE_MAJOR}`, buildPcap]);
  return steps;
}

/** Starts this file again under the lock, and waits for a turn. Where there is no flock, goes on without. */
function takeTurn(args) {
  const lock = path.join(ROOT, '.cache', 'set-up.lock');
  mkdirSync(path.dirname(lock), { recursive: true });
  const again = [lock, process.execPath, ...process.execArgv, SELF, ...args, '--locked'];
  const stdio = ['ignore', 'inherit', 'inherit'];
  let turn = spawnSync('flock', ['--nonblock', '--conflict-exit-code', '75', ...again], { stdio });
  if (turn.error) return undefined;
  if (turn.status === 75) {
    say('set-up: another one is at work in this folder: waiting for it\n');
    turn = spawnSync('flock', again, { stdio });
  }
  return turn.status ?? 1;
}

function main(args) {
  const start = performance.now();
  const scope = args.find(arg => !arg.startsWith('--')) ?? 'base';
  if (!Object.hasOwn(DEBIAN, scope)) {
    say('usage: node deploy/bootstrap.mjs [base|test|bench] [--quiet]\n');
    return 2;
  }
  if (Number.parseInt(process.versions.node, 10) < NODE_MAJOR_MIN) {
    say(
      `set-up: this is Node ${process.versions.node}: install Node ${NODE_MAJOR_MIN} or later, then start this again\n`,
    );
    return 1;
  }
  try {
    const steps = pendingSteps(scope);
    const turn = steps.length > 0 && !args.includes('--locked') ? takeTurn(args) : undefined;
    if (turn !== undefined) return turn;
    for (const [what, work] of steps) step(what, work);
    if (steps.length > 0 || !args.includes('--quiet')) say(`set-up: ready after ${seconds(start)}\n`);
    return 0;
  } catch (error) {
    const advice = error.advice ?? adviceFor(error.message); // the file system's own errors have a known text too
    if (!advice) throw error;
    if (error.output) say(`${error.output}\n`);
    say(`set-up: ${error.message}\nset-up: ${advice}\n`);
    return 1;
  }
}

process.exitCode = main(process.argv.slice(2));
