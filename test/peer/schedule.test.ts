/** What `enaga serve` does with peers: nothing that goes wrong there reaches it. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Metrics, peerMetrics } from '../../collector/ingest/metrics.ts';
import { openPeers, Peers } from '../../collector/peer/peers.ts';
import { startPulling } from '../../collector/peer/schedule.ts';
import { fakePeer } from './support.ts';

let dir: string;
let file: string;
beforeEach(() => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'enaga-schedule-'));
  file = path.join(dir, 'peers.db');
});
afterEach(() => fs.rmSync(dir, { recursive: true, force: true }));

test('a peer that never answers keeps no other waiting, nor the end', async () => {
  const silent = await fakePeer(() => {});
  const quick = await fakePeer((_, response) => response.end('{"rows":[],"next":null}'));
  const peers = Peers.open(file);
  peers.addPeer({ name: 'silent', url: silent.url }, 0);
  peers.addPeer({ name: 'quick', url: quick.url }, 0);
  const stop = startPulling({ file, everyMs: 60_000, say: () => {} });
  await expect.poll(() => peers.source('quick')!.doneMs, { timeout: 10_000 }).not.toBeNull();
  expect(silent.asked).toHaveLength(1);
  const started = Date.now();
  await stop();
  expect(Date.now() - started).toBeLessThan(2000);
  peers.close();
  silent.close();
  quick.close();
});

test('after each round every peer is told of, for the metrics', async () => {
  const quick = await fakePeer((_, response) => response.end('{"rows":[],"next":null}'));
  const wrong = await fakePeer((_, response) => response.end('hello'));
  const peers = Peers.open(file);
  peers.addPeer({ name: 'quick', url: quick.url }, 0);
  peers.addPeer({ name: 'wrong', url: wrong.url }, 0);
  peers.importNamed('files', 0);
  const metrics = new Metrics();
  metrics.set('enaga_peer_last_pull_seconds', 1, { peer: 'gone' });
  let rounds = 0;
  const stop = startPulling({
    ...{ file, everyMs: 60_000, say: () => {} },
    pulled: all => {
      peerMetrics(metrics, all);
      rounds++;
    },
  });
  await expect.poll(() => rounds, { timeout: 10_000 }).toBe(1);
  await stop();
  const text = await metrics.text();
  expect(text).toContain('enaga_peer_pulls_total{peer="quick",outcome="done"} 1');
  expect(text).toContain('enaga_peer_pulls_total{peer="wrong",outcome="wrong"} 1');
  expect(text).toMatch(/enaga_peer_last_pull_seconds\{peer="quick"\} \d{10}\.\d+/);
  expect(text).toContain('enaga_peer_last_pull_seconds{peer="wrong"} 0');
  expect(text).not.toMatch(/peer="(gone|files)"/);
  peers.close();
  quick.close();
  wrong.close();
});

test('a file that is damaged is said, and is as none for readers', async () => {
  fs.writeFileSync(file, 'SQLite format 3\0 but not really, and long enough to be looked at as one'.repeat(100));
  expect(openPeers(file)).toBeUndefined();
  const said: string[] = [];
  const stop = startPulling({ file, everyMs: 60_000, say: (level, _, text) => said.push(`${level} ${text}`) });
  await expect.poll(() => said, { timeout: 10_000 }).toEqual(['warn peers cannot be pulled']);
  await stop();
  expect(openPeers(path.join(dir, 'none.db'))).toBeUndefined();
});
