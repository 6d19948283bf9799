/** Set-up as the machine sees it: which tools it calls, what it says, and what it does when one fails. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, utimesSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { ended, FakeProject } from '../support/fake-project.ts';

const NOT_ROOT = ['--import', 'data:text/javascript,process.getuid = () => 1000'];
const ROOT = ['--import', 'data:text/javascript,process.getuid = () => 0'];
const BUILD_PACKAGES = ['g++', 'libpcap-dev', 'make', 'python3'];

const tools = (calls: string[]) => [...new Set(calls.map(call => call.split(' ').slice(0, 2).join(' ')))];
const readyLine = /^set-up: ready after \d+\.\d s\n$/;

let project: FakeProject;
beforeEach(() => {
  project = new FakeProject();
});
afterEach(() => project.remove());

describe('steps', () => {
  it('asks Debian for what is missing, exactly, then installs, then builds; each says one line', async () => {
    project.haveDebian('make', 'python3');
    const { status, stdout, stderr } = await project.setUp([], {}, ROOT);
    expect(stderr.replace(/\d+\.\d s/g, 'TIME')).toBe(
      'set-up: Debian packages (g++ libpcap-dev) ... TIME\n' +
        'set-up: npm packages ... TIME\n' +
        'set-up: libpcap binding for Node 24 ... TIME\n' +
        'set-up: ready after TIME\n',
    );
    expect({ status, stdout }).toEqual({ status: 0, stdout: '' });
    const calls = project.calls();
    expect(tools(calls)).toEqual([
      ...BUILD_PACKAGES.map(name => `dpkg-query ${name}`),
      'apt-get update',
      'apt-get install',
      'npm ci',
      'node-gyp rebuild',
    ]);
    const install = calls.find(call => call.startsWith('apt-get install'));
    expect(install).toMatch(/ --yes --no-install-recommends .* g\+\+ libpcap-dev noninteractive$/);
    expect(calls.find(call => call.startsWith('npm ci'))).toContain(' --ignore-scripts ');
  });

  it('does nothing the second time, and says nothing at all with --quiet', async () => {
    project.haveDebian(...BUILD_PACKAGES);
    expect(await project.setUp([])).toMatchObject({ status: 0 });
    expect(tools(project.calls())).not.toContain('apt-get update');
    expect(await project.setUp(['--quiet'])).toEqual({ status: 0, signal: null, stdout: '', stderr: '' });
    expect(await project.setUp([])).toMatchObject({ status: 0, stderr: expect.stringMatching(readyLine) });
    expect(project.calls()).toEqual([]);
  });

  it('asks for the packages of tests only for tests', async () => {
    const tools = 'debootstrap hping3 iproute2 libxml2-utils masscan nftables nmap procps strace tcpdump zmap zstd';
    project.haveDebian(...BUILD_PACKAGES, 'chromium', ...tools.split(' '));
    await project.setUp([]);
    project.calls();
    expect(await project.setUp(['test'], {}, ROOT)).toMatchObject({ status: 0 });
    expect(project.calls().at(-1)).toMatch(/^apt-get install .* mmdb-bin tshark noninteractive$/);
    expect(await project.setUp(['test'])).toMatchObject({ status: 0, stderr: expect.stringMatching(readyLine) });
  });

  it('without root, says which command installs what is missing', async () => {
    project.haveDebian('make', 'python3');
    const { status, stderr } = await project.setUp([], {}, NOT_ROOT);
    expect(status).toBe(1);
    expect(stderr).toContain(
      'run `sudo apt-get install --no-install-recommends g++ libpcap-dev`, then start this again\n',
    );
    expect(tools(project.calls())).not.toContain('apt-get update');
  });

  it('where there is no dpkg, says what is needed and goes on', async () => {
    const { status, stderr } = await project.setUp([], project.forgetDebian());
    expect(stderr).toContain(
      'set-up: not a Debian system: install what these bring there: g++ libpcap-dev make python3\n',
    );
    expect(status).toBe(0);
  });

  it('builds for the headers of our own Node, whatever npm_config_nodedir says', async () => {
    project.haveDebian(...BUILD_PACKAGES);
    await project.setUp([], { npm_config_nodedir: '/usr', NPM_CONFIG_NODEDIR: '/usr' });
    expect(project.calls().at(-1)).toBe(`node-gyp rebuild node-${process.platform}-${process.arch}`);
  });

  it('refuses a wrong scope with exit code 2', async () => {
    expect(await project.setUp(['everything'])).toMatchObject({ status: 2, stderr: expect.stringMatching(/^usage:/) });
    expect(project.calls()).toEqual([]);
  });
});

describe('what was done is done again', () => {
  beforeEach(async () => {
    project.haveDebian(...BUILD_PACKAGES);
    await project.setUp([]);
    project.calls();
  });

  it('when package-lock.json changed', async () => {
    project.lockPcap('3.2.0');
    await project.setUp([]);
    expect(tools(project.calls())).toEqual(expect.arrayContaining(['npm ci', 'node-gyp rebuild']));
  });

  it('when the install was interrupted', async () => {
    project.lockPcap('3.2.0');
    const first = await project.setUp([], { FAKE_NPM_SAYS: 'npm error code EAI_AGAIN' });
    expect(first.status).toBe(1);
    project.calls();
    project.lockPcap('3.1.0'); // what stood there before would do again, if it still stood
    await project.setUp([]);
    expect(tools(project.calls())).toContain('npm ci');
    expect(await project.setUp(['--quiet'])).toMatchObject({ status: 0, stderr: '' });
  });

  it('when another Node built the binding since', async () => {
    utimesSync(path.join(project.root, 'node_modules/pcap/build/Release/pcap_binding.node'), 1, 1);
    await project.setUp([]);
    expect(tools(project.calls()).filter(call => !call.startsWith('dpkg-query'))).toEqual(['node-gyp rebuild']);
  });
});

describe('a failing step', () => {
  beforeEach(() => project.haveDebian(...BUILD_PACKAGES));

  it.each([
    [
      'npm error code EAI_AGAIN',
      'no way to the server: check the network and the proxy settings, then start this again',
    ],
    ['npm error code ENOSPC', 'the disk is full: about 1.5 GB must be free for a first set-up'],
    ['npm error code E418', 'the lines above say why'],
  ])('shows what the command said, and what to do: %s', async (output, advice) => {
    const { status, stderr } = await project.setUp(['--quiet'], { FAKE_NPM_SAYS: output });
    expect(status).toBe(1);
    expect(stderr).toMatch(/^set-up: npm packages \.\.\. failed\n/);
    expect(stderr).toContain(`\n${output}\nset-up: \`node `);
    expect(stderr).toContain(`exit code 1\nset-up: ${advice}\n`);
  });

  it('notices that npm left Node out', async () => {
    const { status, stderr } = await project.setUp([], { FAKE_NPM_LEAVES_OUT_NODE: '1' });
    expect(status).toBe(1);
    expect(stderr).toContain('npm left out an optional package for this platform');
  });
});

const noFlock = existsSync('/usr/bin/flock') ? false : 'no flock on this machine';

describe.skipIf(noFlock)(`two at once${noFlock ? ` (${noFlock})` : ''}`, () => {
  beforeEach(() => project.haveDebian(...BUILD_PACKAGES));
  const npmIsAtWork = async () => {
    while (!project.calls().some(call => call.startsWith('npm ci'))) await sleep(10);
  };

  it('take turns: the second waits, and finds everything done', async () => {
    const first = project.setUp([], { FAKE_NPM_MS: '700' });
    await npmIsAtWork();
    const second = await project.setUp([]);
    expect(await first).toMatchObject({ status: 0 });
    expect(second).toMatchObject({ status: 0 });
    expect(second.stderr).toMatch(
      /^set-up: another one is at work in this folder: waiting for it\nset-up: ready after/,
    );
    expect(project.calls().filter(call => call.startsWith('npm'))).toEqual([]);
  });

  it('a killed one leaves no lock behind', async () => {
    const killed = project.spawn([], { FAKE_NPM_MS: '60000' });
    await npmIsAtWork();
    process.kill(-killed.pid!, 'SIGKILL');
    const { status, stderr } = await project.setUp([]);
    expect(status).toBe(0);
    expect(stderr).not.toContain('waiting');
  });

  it('what a killed one had started is waited for', async () => {
    const killed = project.spawn([], { FAKE_NPM_MS: '700' });
    await npmIsAtWork();
    killed.kill('SIGKILL'); // npm goes on
    const { status, stderr } = await project.setUp([]);
    expect(status).toBe(0);
    expect(stderr).toContain('waiting');
  });
});

describe('npm run enaga-sensor', () => {
  const PROGRAM = `
    process.on('SIGTERM', () => { console.log('SIGTERM'); process.exit(7); });
    let bytes = 0;
    process.stdin.on('data', chunk => { bytes += chunk.length; });
    process.stdin.on('end', () => {
      console.log(JSON.stringify({ args: process.argv.slice(2), bytes, version: process.version }));
      process.exitCode = 3;
    });
    console.log('started');`;

  const start = (...args: string[]) => {
    const { npm_execpath: _, ...env } = project.environment; // npm itself, this time
    return spawn('npm', ['run', '-s', 'enaga-sensor', '--', ...args], { cwd: project.root, env });
  };

  beforeEach(async () => {
    project.haveDebian(...BUILD_PACKAGES);
    await project.setUp([]);
    project.write('a clone/package.json', JSON.stringify({ type: 'module', scripts: packageJson.scripts }));
    project.write('a clone/deploy/code-cache.sh', readFileSync('deploy/code-cache.sh', 'utf8'));
    project.write('a clone/sensor/main.ts', PROGRAM);
  });

  it('hands over arguments, standard input and the exit code, and adds nothing to the output', async () => {
    const child = start('a b', '--json', '$HOME');
    const end = ended(child);
    const chunk = Buffer.alloc(1 << 20);
    for (let i = 0; i < 32; i++) if (!child.stdin.write(chunk)) await once(child.stdin, 'drain');
    child.stdin.end();
    const { status, stdout, stderr } = await end;
    const [started, said] = stdout.split('\n');
    expect(started).toBe('started');
    expect(JSON.parse(said!)).toEqual({ args: ['a b', '--json', '$HOME'], bytes: 32 << 20, version: process.version });
    expect({ status, stderr }).toEqual({ status: 3, stderr: '' });
  });

  describe('says where Node keeps the code it made', () => {
    // Beside the clone, wherever that is: Node makes the folder.
    const home = { HOME: 'home' };
    const own = { NODE_COMPILE_CACHE: 'own' };
    it.each([
      ['in XDG_CACHE_HOME', { ...home, XDG_CACHE_HOME: 'cache' }, 'cache/enaga/code'],
      ['in HOME', home, 'home/.cache/enaga/code'],
      ['nowhere without HOME', {}, undefined],
      ['where the operator says', { ...home, XDG_CACHE_HOME: 'cache', ...own }, 'own'],
      ['where the operator says, without HOME', own, 'own'],
    ])('%s', async (_, env, expected) => {
      const absolute = Object.entries(env).map(([name, folder]) => [name, path.join(project.root, folder)]);
      expect(await cacheSeen(Object.fromEntries(absolute))).toBe(expected && path.join(project.root, expected));
    });

    it.each(['', 'cache'])('in HOME, for an XDG_CACHE_HOME of "%s" is none', async relative => {
      const seen = await cacheSeen({ HOME: path.join(project.root, 'home'), XDG_CACHE_HOME: relative });
      expect(seen).toBe(path.join(project.root, 'home/.cache/enaga/code'));
      expect(await cacheSeen({ XDG_CACHE_HOME: relative })).toBeUndefined();
    });

    /** What the program sees; by the script without npm, which would want a HOME of its own. */
    async function cacheSeen(env: NodeJS.ProcessEnv): Promise<string | undefined> {
      project.write(
        'a clone/sensor/main.ts',
        'console.log(JSON.stringify({ cache: process.env.NODE_COMPILE_CACHE }));',
      );
      const child = spawn('sh', ['-c', packageJson.scripts['enaga-sensor']], {
        cwd: project.root,
        env: {
          ...project.environment,
          PATH: `${path.join(project.root, 'node_modules/.bin')}:${project.environment.PATH}`,
          npm_node_execpath: process.execPath,
          ...env,
        },
      });
      const { stdout, stderr } = await ended(child);
      expect(stderr).toBe('');
      return JSON.parse(stdout).cache;
    }
  });

  it('hands over SIGTERM', async () => {
    const child = start();
    const end = ended(child);
    await once(child.stdout, 'data');
    child.kill('SIGTERM');
    expect((await end).stdout).toBe('started\nSIGTERM\n');
  });
});

describe('the npm scripts', () => {
  it('each set up first, by the Node that runs npm', () => {
    const { check, ...others } = packageJson.scripts;
    expect(check).toBe('npm test --');
    for (const script of Object.values(others))
      expect(script).toMatch(/^"\$npm_node_execpath" deploy\/bootstrap\.mjs /);
  });
});
