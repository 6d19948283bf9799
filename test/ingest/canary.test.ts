/** What must never be told is planted wherever it may come in, and looked for in all that goes out. */
import { expect, it } from 'vitest';
import { scrub, serializeError } from '../../collector/ingest/logging.ts';
import { ENROLMENTS_PATH } from '../../common/protocol/messages.ts';
import {
  batchRequest,
  heartbeatRequest,
  inject,
  makeBatch,
  newKeys,
  put,
  STATUS,
  signed,
  startCollector,
} from './support.ts';

it('no token, key, signature, address or network comes out of log, metrics or refusals', async () => {
  let broken = false;
  const quoting = (): never => {
    throw new Error(`cannot bind ${planted.join(' ')}`);
  };
  const collector = await startCollector({
    powers: { gaps: () => (broken ? quoting() : []) },
    app: { limits: { heartbeats: { burst: 100, perSecond: 0 } } },
  });
  const sensor = collector.addSensor('east');
  const { token } = collector.registry.rotate('east', Date.now());
  const { publicText } = newKeys();
  const { bytes } = makeBatch(sensor);
  const request = await signed(sensor, batchRequest(bytes));
  const signature = /:(.*):/.exec(request.headers.signature!)![1]!;
  const planted: string[] = [
    ...[token, publicText, sensor.publicText, signature, ...sensor.networks],
    ...['192.0.2.8', '198.51.100.77', '2001:db8:77::1', '2001:db8:77::/48'],
    ...ADDRESSES.flatMap(besides),
  ];
  const { app } = collector;
  const outputs: string[] = [];
  const keep = (response: { body: string; headers: object }) =>
    outputs.push(response.body, JSON.stringify(response.headers));

  keep(await put(collector, sensor, bytes));
  keep(await put(collector, sensor, makeBatch(sensor, { salt: 1 }).bytes));
  keep(await put(collector, sensor, Buffer.from(planted.join())));
  keep(await inject(collector, { ...request, headers: { ...request.headers, signature: `sig=:${signature}x:` } }));
  keep(await inject(collector, { ...request, headers: { ...request.headers, 'signature-input': token } }));
  for (const text of planted) {
    keep(await app.inject(`/v1/${encodeURIComponent(text)}?token=${encodeURIComponent(text)}`));
    keep(
      await app.inject({
        url: '/healthz',
        headers: { authorization: `Bearer ${text}`, 'user-agent': text, host: text },
      }),
    );
    const alarms = [`answered from ${text}`, text];
    await inject(collector, await signed(sensor, heartbeatRequest({ epochs: [], status: { ...STATUS, alarms } })));
    const odd = { epochs: [], status: { ...STATUS, skipped: { [text]: 1 }, seen: text } };
    keep(await inject(collector, await signed(sensor, heartbeatRequest(odd))));
    keep(await app.inject({ method: 'POST', url: ENROLMENTS_PATH, payload: { token: text, publicKey: text } }));
  }
  broken = true;
  keep(await inject(collector, await signed(sensor, heartbeatRequest({ epochs: [], status: STATUS }))));
  app.log.error({ err: new Error(planted.join(' ')), token, networks: sensor.networks, headers: request.headers });
  app.log.error({ request: { token, publicKey: publicText, body: 'x' } });
  keep(await app.inject('/metrics'));
  outputs.push(JSON.stringify(app.swagger()));

  expect(collector.lines.length).toBeGreaterThan(30);
  expect(collector.lines.join('')).toContain('cannot bind');
  for (const output of [...collector.lines, ...outputs]) {
    for (const text of [...planted, ...ADDRESSES]) expect(output).not.toContain(text);
  }
});

/** In no other text. */
const ADDRESSES = ['203.0.113.77', '2001:db8:78::1', '2001:db8:79:0:0:0:0:1'];
/** With words at its sides, as programs write them. */
const besides = (address: string): string[] => [
  ...[`from:${address}`, `dst_${address}`, `host${address}`, `${address}_5`, `${address}:443`, `${address}port`],
  ...[`src=${address}%eth0`, `x.${address}.y`, `T${address}Z`],
];

it('scrubbing takes what is hidden and leaves what is said', () => {
  const kept = [
    'spool 90% full since 2026-11-22T04:20:04.123Z',
    'sensor 6f2a4c0e-5f0e-4f0a-9f52-7b1f6d2a9c11 conflicts at epoch 3',
    'version 1.2.3, at main.ts:12:34',
    'ratio 10:20, Database::open, Array::from, T04:20:04.5Z',
    '/srv/observatory/collector/data/enaga/log/2026-03-01.db is damaged',
  ];
  for (const text of kept) expect(scrub(text)).toBe(text);
  expect(scrub('from 192.0.2.1, to 192.0.2.0/24.')).toBe('from [address], to [address].');
  expect(scrub('2001:db8::1 ::1 fe80::1/64 ::ffff:192.0.2.1 2001:db8:0:0:0:0:0:1')).toBe(
    Array(5).fill('[address]').join(' '),
  );
  expect(scrub('from:2001:db8::1 dst_192.0.2.7 host192.0.2.1 192.0.2.1_5 connect 2001:db8::1:443')).toBe(
    'from:[address] dst_[address] host[address] [address]_5 connect [address]',
  );
  for (const address of ADDRESSES)
    for (const text of besides(address)) expect(scrub(text), text).not.toContain(address);
  expect(scrub(`a\n\u001b[31m ${'k'.repeat(43)}=`)).toBe('a  [31m [hidden]');
  const { stack } = serializeError(new Error('at 192.0.2.1')) as { stack: string[] };
  expect(stack[0]).toMatch(/^at .*canary\.test\.ts:\d+:\d+/);
});
