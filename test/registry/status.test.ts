/** `enaga status` beside `enaga-sensor status`: the same numbers, and what is wrong in words. */
import { generateKeyPairSync } from 'node:crypto';
import { expect, it, onTestFinished } from 'vitest';
import { dataPaths } from '../../collector/commands/data.ts';
import { announce } from '../../collector/commands/served.ts';
import { statusCommand } from '../../collector/commands/status.ts';
import { takeLock } from '../../common/sqlite/lock.ts';
import { fakePeer } from '../peer/support.ts';
import { runCommand } from '../support/admin.ts';
import { capture } from '../support/enaga.ts';
import { Observatory } from '../support/observatory.ts';
import { SealedLog } from '../support/sealed-log.ts';

const RUN = ['run', '--read', capture('scanners-dark-24.pcap')];

it("has a sensor's own numbers, over TLS, and says whose clock is wrong", async () => {
  const observatory = new Observatory({ tls: true });
  onTestFinished(() => observatory.remove());
  const told = async (code: number) => JSON.parse((await observatory.enaga(['status', '--json'], code)).stdout);
  await observatory.init();
  expect((await observatory.enaga(['status'], 1)).stderr).toContain('nothing serves');
  await observatory.serve();
  const osaka = ['--owner', 'example-csirt', '--economy', 'JP', '--network', '198.51.100.0/24'];
  await observatory.enaga(['sensor', 'add', 'osaka', ...osaka]);
  await observatory.addSensor({ name: 'tokyo', economy: 'JP', network: '192.0.2.0/24' });
  await observatory.sensor('tokyo', RUN);
  const own = JSON.parse((await observatory.sensor('tokyo', ['status', '--json'])).stdout);
  expect([own.healthy, own.seen, own.recorded, own.shipped.records, own.lost.records]).toEqual([
    true,
    1039,
    950,
    950,
    0,
  ]);
  const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT/);
  const numbers = { seen: 1039, recorded: 950, waiting: 0, shipped: 950, lost: 0, received: 950, alarms: 0 };
  expect(await told(0), 'osaka has not enrolled').toEqual({
    url: observatory.url,
    healthy: true,
    troubles: [],
    sensors: [
      {
        ...{ sensor: 'osaka', enrolled: false, heard: null, lastBatch: null, seen: null, recorded: null },
        ...{ waiting: null, shipped: null, lost: null, received: 0, alarms: 0 },
      },
      { sensor: 'tokyo', enrolled: true, heard: time, lastBatch: time, ...numbers },
    ],
  });

  process.env.NODE_OPTIONS = `--import=${new URL('../faults/other-clock.ts', import.meta.url)}`;
  process.env.CLOCK_OFFSET_MS = '60000';
  await observatory.sensor('tokyo', [...RUN, '--again', '--pace', '60x']).finally(() => {
    delete process.env.NODE_OPTIONS;
    delete process.env.CLOCK_OFFSET_MS;
  });
  const { stdout } = await observatory.enaga(['status'], 1);
  expect(stdout).toMatch(/^osaka +not enrolled yet( +-){6} +0 +0$/m);
  expect(stdout).toMatch(/^tokyo .* 2,078 +1,900 +0 +1,900 +0 +1,900 +1$/m);
  expect(stdout).toMatch(/\n\n! tokyo has 1 alarm: enaga-sensor status there, or the log here\n$/);
}, 60_000);

it('gives a sensor that has just enrolled the time to be heard', async () => {
  const made = new SealedLog([]);
  onTestFinished(() => made.remove());
  made.registry.addOrganisation({ name: 'alpha' }, 0);
  const hourAgo = Date.now() - 3_600_000;
  const enrol = (token: string, nowMs: number) => {
    const { publicKey } = generateKeyPairSync('ed25519');
    expect(made.registry.enrol({ token, publicKey: publicKey.export({ format: 'jwk' }).x! }, nowMs)).toBeDefined();
  };
  for (const [n, name] of ['old', 'again', 'new'].entries()) {
    const placed = { name, owner: 'alpha', economy: 'JP', networks: [`198.51.${n}.0/24`] };
    enrol(made.registry.addSensor(placed, hourAgo).token, name === 'new' ? Date.now() : hourAgo);
  }
  enrol(made.registry.rotate('again', hourAgo).token, Date.now());
  const server = await fakePeer((_, response) =>
    response.end(`process_start_time_seconds ${hourAgo / 1000}\nenaga_store_freshness_seconds 0\n`),
  );
  const paths = dataPaths(made.dir);
  const lock = takeLock(paths.lock);
  const withdraw = announce(paths, server.url);
  const { code, stdout } = await runCommand([statusCommand], ['status', '--json', '--data', made.dir]);
  withdraw();
  lock.release();
  server.close();
  expect([code, JSON.parse(stdout).troubles]).toEqual([1, ['old was not heard for 60 minutes: its box, its network?']]);
});
