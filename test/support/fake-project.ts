/**
 * A folder with our deploy/bootstrap.mjs in it and made-up tools around it, to see what set-up asks of the machine without
 * installing anything. Each tool writes its call to a file; `npm ci` makes a node_modules whose Node is the one running the
 * test. The path has a space in it, as a clone's may.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const NODE_PACKAGE = `node-${process.platform}-${process.arch}`;
const REPOSITORY = path.resolve(import.meta.dirname, '../..');

const DPKG_QUERY = `#!/bin/sh
shift 3
for package; do
  echo "dpkg-query $package" >>"$FAKE/calls"
  if [ -e "$FAKE/debian/$package" ]; then echo "$package ii "; else echo "no $package" >&2; status=1; fi
done
exit $status
`;
const APT_GET = `#!/bin/sh
PATH=/usr/bin:/bin
echo "apt-get $* $DEBIAN_FRONTEND" >>"$FAKE/calls"
if [ "$1" = install ]; then
  shift
  for package; do case $package in -* | *=*) ;; *) touch "$FAKE/debian/$package" ;; esac; done
fi
`;
const NPM = `#!/usr/bin/env node
const fs = require('node:fs');
const call = name => fs.appendFileSync(process.env.FAKE + '/calls', name + '\\n');
call('npm ' + process.argv.slice(2).join(' '));
fs.rmSync('node_modules', { recursive: true, force: true });
const lock = JSON.parse(fs.readFileSync('package-lock.json', 'utf8'));
delete lock.packages[''];
if (process.env.FAKE_NPM_SAYS) {
  console.error(process.env.FAKE_NPM_SAYS);
  process.exit(1);
}
Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Number(process.env.FAKE_NPM_MS ?? 0));
delete lock.packages['node_modules/node-of-another-platform'];
if (process.env.FAKE_NPM_LEAVES_OUT_NODE) delete lock.packages['node_modules/${NODE_PACKAGE}'];
for (const [folder, { version }] of Object.entries(lock.packages)) {
  fs.mkdirSync(folder, { recursive: true });
  fs.writeFileSync(folder + '/package.json', JSON.stringify({ version, main: 'index.js' }));
}
fs.writeFileSync('node_modules/pcap/index.js', "require('node:fs').statSync(__dirname + '/build/Release/pcap_binding.node')");
if (lock.packages['node_modules/${NODE_PACKAGE}']) {
  fs.mkdirSync('node_modules/${NODE_PACKAGE}/bin');
  fs.symlinkSync(process.env.FAKE_NODE, 'node_modules/${NODE_PACKAGE}/bin/node');
  fs.mkdirSync('node_modules/.bin');
  fs.symlinkSync('../${NODE_PACKAGE}/bin/node', 'node_modules/.bin/node');
}
fs.writeFileSync('node_modules/.package-lock.json', JSON.stringify(lock));
`;
const NODE_GYP = `
const fs = require('node:fs');
const [, , command, nodedir] = process.argv;
const settings = Object.keys(process.env).filter(name => /^npm_/i.test(name));
const home = fs.realpathSync(nodedir.replace('--nodedir=', ''));
fs.appendFileSync(process.env.FAKE + '/calls', ['node-gyp', command, require('node:path').basename(home), ...settings].join(' ') + '\\n');
if (process.cwd().includes(' ')) throw new Error('make breaks on a path with spaces');
fs.mkdirSync('build/Release', { recursive: true });
fs.writeFileSync('build/Release/pcap_binding.node', '');
`;

export interface Ended {
  status: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** Runs a program to its end, without blocking: two can run at once. */
export function ended(child: ChildProcess): Promise<Ended> {
  const output = { stdout: '', stderr: '' };
  child.stdout?.on('data', chunk => (output.stdout += chunk));
  child.stderr?.on('data', chunk => (output.stderr += chunk));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status, signal) => resolve({ status, signal, ...output }));
  });
}

export class FakeProject {
  readonly #fake = mkdtempSync(path.join(tmpdir(), 'enaga-test-'));
  readonly root = path.join(this.#fake, 'a clone');

  constructor() {
    for (const folder of ['a clone/deploy', 'bin', 'debian', 'npm/bin', 'npm/node_modules/node-gyp/bin']) {
      mkdirSync(path.join(this.#fake, folder), { recursive: true });
    }
    copyFileSync(path.join(REPOSITORY, 'deploy/bootstrap.mjs'), path.join(this.root, 'deploy/bootstrap.mjs'));
    this.write('a clone/package-lock.json', JSON.stringify({ packages: lockedPackages('3.1.0') }));
    this.write('bin/dpkg-query', DPKG_QUERY);
    this.write('bin/apt-get', APT_GET);
    this.write('npm/bin/npm-cli.js', NPM);
    this.write('npm/node_modules/node-gyp/bin/node-gyp.js', NODE_GYP);
  }

  /** An executable file of the made-up machine; the project itself is under `a clone/`. */
  write(file: string, text: string) {
    mkdirSync(path.dirname(path.join(this.#fake, file)), { recursive: true });
    writeFileSync(path.join(this.#fake, file), text, { mode: 0o755 });
  }

  lockPcap(version: string) {
    this.write('a clone/package-lock.json', JSON.stringify({ packages: lockedPackages(version) }));
  }

  haveDebian(...packages: string[]) {
    for (const name of packages) this.write(`debian/${name}`, '');
  }

  /** A machine with no tool but ours and flock. */
  forgetDebian(): NodeJS.ProcessEnv {
    for (const tool of ['dpkg-query', 'apt-get']) rmSync(path.join(this.#fake, 'bin', tool));
    symlinkSync('/usr/bin/flock', path.join(this.#fake, 'bin/flock'));
    return { PATH: path.join(this.#fake, 'bin') };
  }

  get environment(): NodeJS.ProcessEnv {
    return {
      PATH: `${path.join(this.#fake, 'bin')}:${process.env.PATH}`,
      FAKE: this.#fake,
      FAKE_NODE: process.execPath,
      npm_execpath: path.join(this.#fake, 'npm/bin/npm-cli.js'),
    };
  }

  spawn(args: readonly string[], env: NodeJS.ProcessEnv = {}, nodeArgs: readonly string[] = []): ChildProcess {
    const all = [...nodeArgs, path.join(this.root, 'deploy/bootstrap.mjs'), ...args];
    return spawn(process.execPath, all, { cwd: tmpdir(), env: { ...this.environment, ...env }, detached: true });
  }

  setUp(args: readonly string[], env?: NodeJS.ProcessEnv, nodeArgs?: readonly string[]): Promise<Ended> {
    return ended(this.spawn(args, env, nodeArgs));
  }

  /** What was asked of the machine since the last look. */
  calls(): string[] {
    const file = path.join(this.#fake, 'calls');
    if (!existsSync(file)) return [];
    const calls = readFileSync(file, 'utf8').trimEnd().split('\n');
    rmSync(file);
    return calls;
  }

  remove() {
    rmSync(this.#fake, { recursive: true });
  }
}

const optional = { version: process.versions.node, optional: true };

const lockedPackages = (pcap: string) => ({
  '': {},
  [`node_modules/${NODE_PACKAGE}`]: { ...optional, os: [process.platform], cpu: [process.arch] },
  'node_modules/node-of-another-platform': { ...optional, os: ['another'], cpu: [process.arch] },
  'node_modules/nan': { version: '2.0.0' },
  'node_modules/pcap': { version: pcap },
});
