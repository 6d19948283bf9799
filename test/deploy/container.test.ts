/** The container files: what can be read of them here, and all of it where Docker runs. */
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { root } from '../support/enaga.ts';
import { last, stages } from './dockerfile.ts';

const folder = path.join(root, 'deploy/container');
const read = (file: string): string => fs.readFileSync(path.join(folder, file), 'utf8');

/** What comes with the server's OpenAPI plugin. */
const yaml = createRequire(createRequire(import.meta.url).resolve('@fastify/swagger'))('yaml');
const compose = yaml.parse(read('compose.yaml'), { merge: true });
const programs = ['collector', 'sensor'].map(name => stages.find(stage => stage.name === name)!);

describe('Dockerfile', () => {
  it('names a version of every image', () => {
    for (const { from } of stages) expect(from).toMatch(/^[\w./-]+:\d[\w.-]*$/);
  });

  it.each(programs)('$name: unprivileged, checked, no shell around its program', stage => {
    expect(last(stage, 'USER')).toMatch(/^enaga/);
    for (const word of ['CMD', 'VOLUME']) expect(() => JSON.parse(last(stage, word)!)).not.toThrow();
    expect(last(stage, 'HEALTHCHECK')).toMatch(/ CMD \[/);
    expect(last(stage, 'CMD')).toMatch(/exec enaga serve|^\["run"/);
    const installs = stage.instructions.filter(([word, rest]) => word === 'RUN' && rest.includes('apt-get install'));
    for (const [, rest] of installs) expect(rest).toMatch(/--no-install-recommends.*rm -rf \/var\/lib\/apt\/lists/);
  });

  it('sets what are settings', () => {
    const names = last(programs[0]!, 'ENV')!
      .split(' ')
      .map(one => one.split('='));
    const env = { ...process.env, ...Object.fromEntries(names) };
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [path.join(root, 'collector/main.ts'), 'serve', '--print-config', '--data', folder],
      { env, encoding: 'utf8' },
    );
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(/^listen +0\.0\.0\.0:8740 +ENAGA_LISTEN$/m);
  });

  it('leaves out of the context what git leaves out', () => {
    const ignored = read('Dockerfile.dockerignore').split('\n');
    for (const one of ['.git', '.cache', '**/node_modules']) expect(ignored).toContain(one);
  });
});

describe('compose.yaml', () => {
  const services = Object.entries<Record<string, unknown>>(compose.services);

  it('builds stages that there are, and mounts what there is', () => {
    for (const [, { build, volumes }] of services) {
      const { target, dockerfile, context } = (build ?? {}) as Record<string, string>;
      if (build !== undefined) {
        expect(stages.map(({ name }) => name)).toContain(target);
        expect(fs.existsSync(path.join(folder, context!, dockerfile!))).toBe(true);
      }
      for (const volume of volumes as string[]) {
        const [source] = volume.split(':') as [string];
        if (source.startsWith('.')) expect(fs.existsSync(path.join(folder, source))).toBe(true);
        else expect(Object.keys(compose.volumes)).toContain(source);
      }
    }
  });

  it('drops every capability, and lets only the proxy be reached', () => {
    for (const [name, { cap_drop, ports, privileged }] of services) {
      expect(cap_drop).toEqual(['ALL']);
      expect(privileged).toBeUndefined();
      expect(ports === undefined).toBe(name !== 'proxy');
    }
    expect(compose.services.sensor.cap_add).toEqual(['NET_RAW']);
    expect(compose.networks.inside).toEqual({ internal: true });
    expect(read('Caddyfile')).toContain('reverse_proxy collector:8740');
  });
});

const { error, status } = spawnSync('docker', ['info'], { timeout: 10_000 });
const reason = error ? 'docker is not installed' : status === 0 ? '' : 'no Docker daemon answers';

describe.skipIf(reason !== '')(`in Docker${reason === '' ? '' : ` (skipped: ${reason})`}`, () => {
  const name = `enaga-test-${process.pid}`;
  const docker = (...args: string[]) => execFileSync('docker', args, { cwd: root, encoding: 'utf8' });
  afterAll(() => {
    spawnSync('docker', ['rm', '--force', '--volumes', name]);
  });

  it('builds both; the collector becomes healthy; the sensor captures with one capability', async () => {
    for (const { name: target } of programs)
      docker('build', '--target', target, '--tag', `${name}-${target}`, '--file', 'deploy/container/Dockerfile', '.');
    docker(
      'run',
      '--detach',
      '--name',
      name,
      '--cap-drop',
      'ALL',
      '--read-only',
      '--tmpfs',
      '/tmp',
      `${name}-collector`,
    );
    await expect
      .poll(() => docker('inspect', '--format', '{{.State.Health.Status}}', name).trim(), {
        timeout: 90_000,
        interval: 1000,
      })
      .toBe('healthy');
    const sensor = ['run', '--rm', '--cap-drop', 'ALL', '--cap-add', 'NET_RAW', `${name}-sensor`];
    expect(docker(...sensor, 'interfaces')).toContain('eth0');
  }, 900_000);
});
