/** Group commit: who shares one, what bounds the queue, what follows a failure. */
import { once } from 'node:events';
import net from 'node:net';
import { describe, expect, it } from 'vitest';
import { GROUP_DEFAULTS, GroupCommit, type GroupOptions } from '../../collector/ingest/group.ts';
import type { Appended, NewBatch } from '../../collector/ingest/powers.ts';
import { LogUnavailable } from '../../collector/log/log.ts';
import type { SignedRequest } from '../../common/protocol/signature.ts';
import { batchRequest, makeBatch, signed, startCollector } from './support.ts';

const batch = (sequence: number, bytes = 10): NewBatch => ({
  ...{ sensor: 0, epoch: 1, sequence, sha256: new Uint8Array(32), receivedMs: 0, clockOffsetMs: 0 },
  ...{ historic: false, day: 0, records: 1, bytes: new Uint8Array(bytes) },
});

function makeGroup(options: Partial<GroupOptions> = {}, error?: Error) {
  const commits: number[][] = [];
  const scheduled: (() => void)[] = [];
  const fatal: Error[] = [];
  const append = (batches: readonly NewBatch[]): Appended[] => {
    if (error !== undefined) throw error;
    commits.push(batches.map(({ sequence }) => sequence));
    return batches.map(({ sequence }) => ({ kind: 'logged', position: sequence }));
  };
  const group = new GroupCommit(append, {
    ...GROUP_DEFAULTS,
    schedule: commit => void scheduled.push(commit),
    fatal: one => void fatal.push(one),
    onCommit: () => {},
    ...options,
  });
  return { group, commits, scheduled, fatal, run: () => scheduled.shift()?.() };
}

const failure = (code: string) => Object.assign(new Error('made up'), { code });

describe('a group', () => {
  it('is committed once, and each waiter hears of its own batch', async () => {
    const { group, commits, scheduled, run } = makeGroup();
    const waiting = [group.add(batch(1)), group.add(batch(2)), group.add(batch(3))];
    expect(scheduled.length).toBe(1);
    run();
    expect(await Promise.all(waiting)).toEqual([1, 2, 3].map(position => ({ kind: 'logged', position })));
    void group.add(batch(4));
    run();
    expect(commits).toEqual([[1, 2, 3], [4]]);
  });

  it('is bounded in batches and bytes, and takes more after its commit', async () => {
    const { group, run } = makeGroup({ batchesMax: 2, bytesMax: 25 });
    void group.add(batch(1));
    expect(await group.add(batch(2, 16))).toEqual({ kind: 'busy' });
    void group.add(batch(3, 15));
    expect(await group.add(batch(4, 0))).toEqual({ kind: 'busy' });
    run();
    const again = group.add(batch(2, 25));
    run();
    expect(await again).toEqual({ kind: 'logged', position: 2 });
  });

  it('is committed when the collector ends, and nothing after it', async () => {
    const { group, commits, run } = makeGroup();
    const waiting = group.add(batch(1));
    group.stop();
    expect(await waiting).toMatchObject({ kind: 'logged' });
    expect(await group.add(batch(2))).toEqual({ kind: 'stopped' });
    run();
    expect(commits).toEqual([[1]]);
  });

  it.each(['SQLITE_FULL', 'ENOSPC', 'EDQUOT', 'SQLITE_IOERR_SHMSIZE'])(
    'fault 4: finds no room: %s passes',
    async code => {
      const { group, fatal, run } = makeGroup({ fullMs: 20 }, failure(code));
      const waiting = [group.add(batch(1)), group.add(batch(2))];
      run();
      expect(await Promise.all(waiting)).toEqual([{ kind: 'full' }, { kind: 'full' }]);
      expect(group.state).toBe('full');
      expect(fatal).toEqual([]);
      await expect.poll(() => group.state).toBe('open'); // for whoever sends only where it is ready
    },
  );

  it.each([failure('SQLITE_BUSY_SNAPSHOT'), new LogUnavailable('SQLITE_BUSY', 'made up', undefined)])(
    'fault 4: finds the database held: that passes too, and the disk is not full (%s)',
    async error => {
      const { group, run } = makeGroup({}, error);
      const waiting = group.add(batch(1));
      run();
      expect(await waiting).toEqual({ kind: 'busy' });
      expect(group.state).toBe('open');
    },
  );

  it.each(['SQLITE_IOERR_FSYNC', 'SQLITE_IOERR_WRITE', 'SQLITE_CORRUPT', 'EIO'])('fails: %s is the end', async code => {
    const { group, fatal, run } = makeGroup({}, failure(code));
    const waiting = [group.add(batch(1)), group.add(batch(2))];
    run();
    expect(await Promise.all(waiting)).toEqual([{ kind: 'stopped' }, { kind: 'stopped' }]);
    expect(await group.add(batch(3))).toEqual({ kind: 'stopped' });
    expect(fatal.length).toBe(1);
  });
});

it('batches that are there at once share a commit', async () => {
  const collector = await startCollector();
  const { hostname, port } = new URL(await collector.listen());
  const sensors = Array.from({ length: 8 }, () => collector.addSensor());
  const sockets = await Promise.all(
    sensors.map(async () => {
      const socket = net.connect(Number(port), hostname);
      await once(socket, 'connect');
      return socket;
    }),
  );
  const rounds = 5;
  for (let sequence = 1; sequence <= rounds; sequence++) {
    const requests = await Promise.all(
      sensors.map(sensor => signed(sensor, batchRequest(makeBatch(sensor, { sequence }).bytes))),
    );
    const answers = sockets.map(async socket => String((await once(socket, 'data'))[0]));
    for (const [n, socket] of sockets.entries()) socket.write(rawRequest(requests[n]!)); // all before anyone reads
    for (const answer of await Promise.all(answers)) expect(answer).toMatch(/^HTTP\/1.1 200 /);
  }
  for (const socket of sockets) socket.destroy();
  expect(collector.log.head()).toBe(rounds * sensors.length);
  expect(collector.commits.reduce((sum, size) => sum + size, 0)).toBe(rounds * sensors.length);
  expect(collector.commits.length).toBeLessThan((rounds * sensors.length) / 2);
});

function rawRequest({ method, path, headers, body }: SignedRequest): Buffer {
  const lines = Object.entries({ host: 'x', ...headers, 'content-length': body.length }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  );
  return Buffer.concat([Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n`), body]);
}
