/** What check and status tell an operator, in the words they tell it. */
import fs from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { checkSensor } from '../../sensor/commands/check.ts';
import { enrol } from '../../sensor/enrol/enrol.ts';
import { sensorPaths } from '../../sensor/enrol/paths.ts';
import { statusText } from '../../sensor/status/text.ts';
import { FakeCollector } from '../support/fake-collector.ts';
import { accountOf, newSpool, temporary } from './support.ts';

it('a clock is as far off as a Date header can tell: its second is known, and no part of it', async () => {
  const collector = await new FakeCollector().start();
  onTestFinished(() => collector.stop());
  const paths = sensorPaths(path.join(temporary(), 'state'));
  await enrol(paths, { collector: collector.url, token: 'good', insecureHttp: false });
  let behindMs = 0;
  let firstMs = 0;
  const server = http.createServer(async (_request, response) => {
    await sleep(firstMs);
    firstMs = 0;
    response.writeHead(200, { date: new Date(Date.now() - behindMs).toUTCString() }); // which cuts the second
    response.end('{}');
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const config = JSON.parse(fs.readFileSync(paths.config, 'utf8'));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  fs.writeFileSync(paths.config, JSON.stringify({ ...config, collector: url }));
  const clock = async (ms: number) => {
    behindMs = ms;
    const { state, text } = (await checkSensor(paths)).find(({ check }) => check === 'clock')!;
    return `${state}: ${text}`;
  };
  // The same clock, at ten moments of a second.
  for (let n = 0; n < 10; n++) {
    expect(await clock(0)).toBe("pass: within a second of the collector's");
    await sleep(100);
  }
  firstMs = 3000; // as where a name is asked for, or a connection made, for long
  expect(await clock(0)).toBe("pass: within a second of the collector's");
  expect(await clock(90_000)).toMatch(/^warn: about (89|90|91) s ahead of the collector's$/);
  expect(await clock(-90_000)).toMatch(/^warn: about (89|90|91) s behind the collector's$/);
});

it('status has a line for each thing that its balance names, also where there is none of it', () => {
  const identity = { sensor: 'x', name: 'x', collector: 'https://collector.example', networks: ['192.0.2.0/24'] };
  const runs = { running: true, finished: false, damaged: { captures: 0, first: [] } };
  const lines = statusText(accountOf(newSpool()), { ...identity, runs, troubles: [] }, Date.now())
    .split('\n')
    .map(line => line.trim());
  const balance = lines.find(line => line.startsWith('balance'))!.replace('balance', '');
  const named = balance.split(/[=+;]/).map(name => name.trim());
  expect(named).toContain('open');
  const others = lines.filter(line => !line.startsWith('balance'));
  for (const name of named)
    expect(
      others.filter(line => new RegExp(`^${name}\\b.* \\d`).test(line)),
      name,
    ).not.toEqual([]);
});
