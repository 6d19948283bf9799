/** Settings: which source wins, and that an error names the setting and the source and never the value. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import {
  addressOf,
  BadConfig,
  budgetsOf,
  type ConfigSources,
  configText,
  DEFAULTS,
  loadConfig,
  publicRuleOf,
  weakerThanSafe,
} from '../../collector/commands/config.ts';
import { BUDGETS } from '../../collector/publish/api/auth.ts';
import { PUBLIC_RULE } from '../../collector/publish/roles/roles.ts';

function load({ json, ...sources }: Partial<ConfigSources> & { json?: unknown } = {}) {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'enaga-config-'));
  onTestFinished(() => fs.rmSync(dir, { recursive: true }));
  const file = path.join(dir, 'config.json');
  if (json !== undefined) fs.writeFileSync(file, typeof json === 'string' ? json : JSON.stringify(json));
  return { dir, file, config: () => loadConfig({ file, environment: {}, flags: {}, ...sources }) };
}

function errorOf(load: () => unknown): string {
  try {
    load();
  } catch (error) {
    expect(error).toBeInstanceOf(BadConfig);
    return (error as Error).message;
  }
  throw new Error('no error');
}

it('defaults suffice', () => {
  const { settings, origins } = load().config();
  expect(settings).toEqual(DEFAULTS);
  expect(origins.size).toBe(0);
});

it('the file, over it the environment, over it the command line; each says where it comes from', () => {
  const { dir, file, config } = load({
    json: { listen: '127.0.0.1:1', logLevel: 'warn', geo: ['a.mmdb'], asn: 'b.mmdb' },
    environment: {
      ENAGA_LISTEN: '127.0.0.1:2',
      ENAGA_LOG_LEVEL: 'debug',
      ENAGA_GEO: '/x/c:/x/d',
      ENAGA_DATA: '/',
      ENAGA_LISTN: 'x',
    },
    flags: { listen: '127.0.0.1:3' },
  });
  const { settings, origins, unknownVariables } = config();
  expect(settings).toMatchObject({ listen: '127.0.0.1:3', logLevel: 'debug', geo: ['/x/c', '/x/d'] });
  expect(settings.asn).toBe(path.join(dir, 'b.mmdb')); // beside the file that names it
  expect(Object.fromEntries(origins)).toEqual({
    ...{ listen: '--listen', logLevel: 'ENAGA_LOG_LEVEL', geo: 'ENAGA_GEO', asn: file },
  });
  expect(unknownVariables).toEqual(['ENAGA_LISTN']);
});

it('errors name the setting and the source, and not the value', () => {
  const secret = 'hunter2hunter2';
  const cases: [Parameters<typeof load>[0], RegExp][] = [
    [{ json: { logLevel: secret } }, /^logLevel \(.*config\.json\) must be one of fatal, /],
    [{ json: { geo: secret } }, /^geo \(.*config\.json\) must be array/],
    [{ json: { insecureHttp: secret } }, /^insecureHttp \(.*config\.json\) must be boolean/],
    [{ json: { password: secret } }, /^password \(.*config\.json\) is no setting: there are listen, /],
    [{ json: `{"listen": "${secret}` }, /config\.json is no JSON$/],
    [{ json: [secret] }, /config\.json is no JSON object$/],
    [{ environment: { ENAGA_LISTEN: secret } }, /^listen \(ENAGA_LISTEN\) must be HOST:PORT/],
    [{ environment: { ENAGA_INSECURE_HTTP: secret } }, /^insecureHttp \(ENAGA_INSECURE_HTTP\) must be boolean/],
    [{ flags: { listen: `${secret}:99999999` } }, /^listen \(--listen\) must be HOST:PORT/],
    [{ flags: { listen: '127.0.0.1:70000' } }, /^listen \(--listen\) has a port beyond 65535/],
    [{ flags: { tlsKey: secret } }, /^tlsKey \(--tls-key\) needs tlsCert/],
    [{ environment: { ENAGA_TLS_CERT: secret } }, /^tlsCert \(ENAGA_TLS_CERT\) needs tlsKey/],
  ];
  for (const [sources, expected] of cases) {
    const message = errorOf(load(sources).config);
    expect(message).toMatch(expected);
    expect(message).not.toContain(secret);
  }
});

it('without TLS only loopback, unless forced', () => {
  for (const listen of ['0.0.0.0:1', '[::]:1', '192.0.2.1:1', 'example.net:1', '127.example.net:1'])
    expect(errorOf(load({ flags: { listen } }).config)).toMatch(/^listen \(--listen\) is reached from elsewhere/);
  for (const listen of ['127.0.0.1:1', '127.9.9.9:1', '[::1]:1', 'localhost:1']) load({ flags: { listen } }).config();
  load({ flags: { listen: '0.0.0.0:1', insecureHttp: true } }).config();
  load({ flags: { listen: '0.0.0.0:1', tlsCert: 'a', tlsKey: 'b' } }).config();
});

it('addresses are told apart from ports', () => {
  expect(addressOf('[::1]:8740')).toEqual({ host: '::1', port: 8740 });
  expect(addressOf('localhost:0')).toEqual({ host: '127.0.0.1', port: 0 });
});

it('numbers and lists of the environment are what they say; each is checked', () => {
  const { settings } = load({
    environment: {
      ENAGA_PUBLIC_SENSORS: '7',
      ENAGA_PUBLIC_PER_SECOND: '0.5',
      ENAGA_TRUSTED_PROXIES: '127.0.0.1, 2001:db8::/64',
      ENAGA_PUSH_AT: '05:30',
      ENAGA_SMTP_PORT: '25',
    },
  }).config();
  expect(settings).toMatchObject({ publicSensors: 7, publicPerSecond: 0.5, pushAt: '05:30', smtpPort: 25 });
  expect(settings.trustedProxies).toEqual(['127.0.0.1', '2001:db8::/64']);
  expect(publicRuleOf(settings)).toEqual({ ...PUBLIC_RULE, sensorsMin: 7 });
  expect(budgetsOf(settings)).toEqual({ ...BUDGETS, public: { burst: 120, perSecond: 0.5 } });
  const cases: [Parameters<typeof load>[0], RegExp][] = [
    [{ environment: { ENAGA_PUBLIC_SENSORS: 'hunter2' } }, /^publicSensors \(ENAGA_PUBLIC_SENSORS\) must be integer/],
    [{ json: { publicOwners: 0 } }, /^publicOwners \(.*config\.json\) must be >= 1/],
    [{ flags: { publicPerSecond: 0 } }, /^publicPerSecond \(--public-per-second\) must be > 0/],
    [{ flags: { pushAt: '25:00' } }, /^pushAt \(--push-at\) must be a time of day in UTC/],
    [{ json: { trustedProxies: ['127.0.0.1', 'hunter2'] } }, /^trustedProxies \(.*\): entry 2 is no address or prefix/],
    [{ json: { trustedProxies: ['0.0.0.0/0'] } }, /entry 1 is no address .* wider than \/8 and \/16 are refused/],
    [{ json: { trustedProxies: ['::/0'] } }, /^trustedProxies .* entry 1 /],
    [{ json: { smtpHost: 'mail.example' } }, /^smtpHost \(.*\) needs smtpFrom$/],
    [
      { json: { smtpHost: 'mail.example', smtpFrom: 'a@b.example', smtpSecurity: 'none' } },
      /^smtpSecurity \(.*\) is none, and smtpHost is another machine/,
    ],
    [{ json: { smtpUser: 'hunter2' } }, /^smtpUser \(.*\) needs smtpPasswordFile/],
    [{ json: { smtpFrom: 'hunter2' } }, /^smtpFrom \(.*\) must be an e-mail address$/],
  ];
  for (const [sources, expected] of cases) {
    const message = errorOf(load(sources).config);
    expect(message).toMatch(expected);
    expect(message).not.toContain('hunter2');
  }
});

it('what shows the public more than is safe is told, and what shows less is not', () => {
  const weaker = (flags: ConfigSources['flags']) => weakerThanSafe(load({ flags }).config().settings);
  expect(weaker({})).toEqual([]);
  expect(weaker({ publicSensors: 9, publicOwners: 4, publicLateDays: 7, publicDigits: 1, publicRows: 5 })).toEqual([]);
  expect(weaker({ publicSensors: 4, publicOwners: 1, publicLateDays: 0, publicDigits: 3, publicRows: 11 })).toEqual([
    'publicSensors 4 (5)',
    'publicOwners 1 (3)',
    'publicLateDays 0 (2)',
    'publicDigits 3 (2)',
    'publicRows 11 (10)',
  ]);
});

it('is printed a line a setting, of secrets no more than where they are', () => {
  const { config } = load({ flags: { geo: ['/a', '/b'] } });
  const lines = configText(config(), [{ name: 'hashKey', file: '/d/secret.json' }]).split('\n');
  expect(lines.find(line => line.startsWith('geo'))).toMatch(/^geo +\/a \/b +--geo$/);
  expect(lines.find(line => line.startsWith('listen'))).toMatch(/^listen +127\.0\.0\.1:8740 +default$/);
  expect(lines.find(line => line.startsWith('hashKey'))).toMatch(/^hashKey +\(hidden\) +\/d\/secret\.json$/);
});
