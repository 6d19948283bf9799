/**
 * Settings of `enaga serve`: from the data directory's config.json, over it the environment, over it the command line. Each
 * is checked where it comes from, so that an error names the setting and the place, and never the value.
 */
import fs from 'node:fs';
import path from 'node:path';
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import { LOG_LEVELS } from '../ingest/logging.ts';
import { BUDGETS, type Budgets } from '../publish/api/auth.ts';
import { PUBLIC_RULE, type PublicRule } from '../publish/roles/roles.ts';
import { isTrustable } from './proxies.ts';

const File = Type.String({ minLength: 1 });
const Burst = Type.Integer({ minimum: 1, maximum: 1_000_000 });
const PerSecond = Type.Number({ exclusiveMinimum: 0, maximum: 100_000 });
/** How the way to the mail server is protected: from the first byte, by STARTTLS, or not at all. */
const SMTP_SECURITIES = ['tls', 'starttls', 'none'] as const;

/** In config.json under these names. */
export const SettingsSchema = Type.Object({
  listen: Type.String({ pattern: '^(\\[[0-9a-fA-F:.]+\\]|[^:\\s\\[\\]]+):\\d{1,5}$', description: 'HOST:PORT' }),
  tlsCert: Type.Optional(File),
  tlsKey: Type.Optional(File),
  insecureHttp: Type.Boolean(),
  geo: Type.Array(File),
  asn: Type.Optional(File),
  known: Type.Optional(File),
  logLevel: Type.Enum([...LOG_LEVELS]),
  metricsFor: Type.Enum(['loopback', 'all']),
  archive: Type.Enum(['on', 'off']),
  recordsDays: Type.Integer({ minimum: 0, maximum: 36_500, description: '0: for ever' }),
  trustedProxies: Type.Array(Type.String({ maxLength: 64 }), { maxItems: 64, description: 'addresses and prefixes' }),
  publicSensors: Type.Integer({ minimum: 1, maximum: 1000 }),
  publicOwners: Type.Integer({ minimum: 1, maximum: 1000 }),
  publicLateDays: Type.Integer({ minimum: 0, maximum: 3650 }),
  publicDigits: Type.Integer({ minimum: 1, maximum: 15 }),
  publicRows: Type.Integer({ minimum: 1, maximum: 100_000 }),
  memberBurst: Burst,
  memberPerSecond: PerSecond,
  publicBurst: Burst,
  publicPerSecond: PerSecond,
  peerPullMinutes: Type.Integer({ minimum: 0, maximum: 10_080, description: '0: never' }),
  pushAt: Type.String({ pattern: '^(([01]\\d|2[0-3]):[0-5]\\d|off)$', description: 'HH:MM, UTC, or off' }),
  smtpHost: Type.Optional(Type.String({ pattern: '^[A-Za-z0-9.:_-]{1,253}$' })),
  smtpPort: Type.Integer({ minimum: 1, maximum: 65_535 }),
  smtpSecurity: Type.Enum([...SMTP_SECURITIES]),
  smtpUser: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })),
  smtpPasswordFile: Type.Optional(File),
  smtpCa: Type.Optional(File),
  smtpFrom: Type.Optional(Type.String({ pattern: '^[^\\s@<>"]{1,64}@[A-Za-z0-9.-]{1,253}$' })),
});

export type Settings = Static<typeof SettingsSchema>;
export type Setting = keyof Settings;

const SETTINGS = Object.keys(SettingsSchema.properties) as Setting[];
const FILES: readonly Setting[] = ['tlsCert', 'tlsKey', 'geo', 'asn', 'known', 'smtpPasswordFile', 'smtpCa'];
/** In the environment these are lists: of files as PATH is, of addresses (IPv6 has colons) by commas. */
const LISTS: Partial<Record<Setting, string>> = { geo: path.delimiter, trustedProxies: ',' };

export const DEFAULTS: Settings = {
  listen: '127.0.0.1:8740',
  insecureHttp: false,
  geo: [],
  logLevel: 'info',
  metricsFor: 'loopback',
  archive: 'on', // nothing is lost by it: a log's file goes after every batch was read back as it was acknowledged
  recordsDays: 0,
  trustedProxies: [],
  publicSensors: PUBLIC_RULE.sensorsMin,
  publicOwners: PUBLIC_RULE.ownersMin,
  publicLateDays: PUBLIC_RULE.lateDays,
  publicDigits: PUBLIC_RULE.digits,
  publicRows: PUBLIC_RULE.rowsMax,
  memberBurst: BUDGETS.member.burst,
  memberPerSecond: BUDGETS.member.perSecond,
  publicBurst: BUDGETS.public.burst,
  publicPerSecond: BUDGETS.public.perSecond,
  peerPullMinutes: 60,
  pushAt: '06:00',
  smtpPort: 587,
  smtpSecurity: 'starttls',
};

const variableOf = (setting: Setting): string => `ENAGA_${setting.replace(/[A-Z]/g, '_$&').toUpperCase()}`;
const flagOf = (setting: Setting): string => `--${setting.replace(/[A-Z]/g, '-$&').toLowerCase()}`;
const portMax = 65_535;
/** Read by every command. */
const DATA_VARIABLE = 'ENAGA_DATA';

/** The settings contradict themselves, or what a setting may be. */
export class BadConfig extends Error {
  override readonly name = 'BadConfig';
}

export interface Config {
  readonly settings: Settings;
  /** Where each setting that is not a default comes from. */
  readonly origins: ReadonlyMap<Setting, string>;
  /** Variables of the environment that look like settings and are none. */
  readonly unknownVariables: readonly string[];
}

export interface ConfigSources {
  /** config.json; there need be none. */
  readonly file: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** By setting, those not given undefined. */
  readonly flags: Partial<Record<Setting, unknown>>;
}

/** Throws `BadConfig`, and the system's error if the file cannot be read. */
export function loadConfig({ file, environment, flags }: ConfigSources): Config {
  const settings: Record<string, unknown> = { ...DEFAULTS };
  const origins = new Map<Setting, string>();
  const take = (setting: Setting, value: unknown, origin: string, folder: string) => {
    const [error] = Value.Errors(SettingsSchema.properties[setting], value);
    if (error !== undefined) throw new BadConfig(`${setting} (${origin}) ${wrongOf(setting, error.message)}`);
    settings[setting] = FILES.includes(setting) ? resolved(value as string | string[], folder) : value;
    origins.set(setting, origin);
  };
  for (const [name, value] of Object.entries(readFile(file))) {
    if (!SETTINGS.includes(name as Setting))
      throw new BadConfig(`${name} (${file}) is no setting: there are ${SETTINGS.join(', ')}`);
    take(name as Setting, value, file, path.dirname(file));
  }
  for (const setting of SETTINGS) {
    const text = environment[variableOf(setting)];
    if (text !== undefined) take(setting, fromText(setting, text), variableOf(setting), '.');
  }
  for (const setting of SETTINGS) {
    if (flags[setting] !== undefined) take(setting, flags[setting], flagOf(setting), '.');
  }
  const config = { settings: settings as Settings, origins, unknownVariables: unknownIn(environment) };
  checkTogether(config);
  checkProxies(config);
  checkMail(config);
  return config;
}

function readFile(file: string): object {
  let text: string;
  try {
    text = fs.readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw error;
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new BadConfig(`${file} is no JSON`); // a parser's error quotes the file
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value))
    throw new BadConfig(`${file} is no JSON object`);
  return value;
}

const isNumber = (setting: Setting): boolean => typeof DEFAULTS[setting] === 'number';

/** What is no boolean or number stays text, and the schema refuses it. */
function fromText(setting: Setting, text: string): unknown {
  const separator = LISTS[setting];
  if (separator !== undefined)
    return text
      .split(separator)
      .map(one => one.trim())
      .filter(one => one !== '');
  if (isNumber(setting)) return /^\d+(\.\d+)?$/.test(text) ? Number(text) : text;
  if (setting !== 'insecureHttp') return text;
  if (/^(1|true|yes)$/i.test(text)) return true;
  return /^(0|false|no|)$/i.test(text) ? false : text;
}

const resolved = (value: string | string[], folder: string): string | string[] =>
  typeof value === 'string' ? path.resolve(folder, value) : value.map(file => path.resolve(folder, file));

function wrongOf(setting: Setting, message: string): string {
  if (setting === 'listen') return 'must be HOST:PORT, as 127.0.0.1:8740 or [::1]:8740';
  if (setting === 'logLevel') return `must be one of ${LOG_LEVELS.join(', ')}`;
  if (setting === 'metricsFor') return 'must be loopback or all';
  if (setting === 'archive') return 'must be on or off';
  if (setting === 'pushAt') return 'must be a time of day in UTC, as 06:00, or off';
  if (setting === 'smtpSecurity') return `must be one of ${SMTP_SECURITIES.join(', ')}`;
  if (setting === 'smtpFrom') return 'must be an e-mail address';
  if (setting === 'smtpHost') return 'must be a host name or an address';
  return message;
}

const unknownIn = (environment: ConfigSources['environment']): string[] => {
  const known = new Set([DATA_VARIABLE, ...SETTINGS.map(variableOf)]);
  return Object.keys(environment).filter(name => name.startsWith('ENAGA_') && !known.has(name));
};

function checkTogether({ settings, origins }: Config): void {
  const { tlsCert, tlsKey, listen, insecureHttp } = settings;
  const said = (setting: Setting) => `${setting} (${origins.get(setting) ?? 'default'})`;
  if (tlsCert !== undefined && tlsKey === undefined) throw new BadConfig(`${said('tlsCert')} needs tlsKey beside it`);
  if (tlsKey !== undefined && tlsCert === undefined) throw new BadConfig(`${said('tlsKey')} needs tlsCert beside it`);
  const { host, port } = addressOf(listen);
  if (port > portMax) throw new BadConfig(`${said('listen')} has a port beyond 65535`);
  if (tlsCert === undefined && !insecureHttp && !isLoopback(host))
    throw new BadConfig(
      `${said('listen')} is reached from elsewhere: give tlsCert and tlsKey, or ${flagOf('insecureHttp')} if a proxy before it has TLS`,
    );
}

export const isListen = (text: string): boolean =>
  Value.Check(SettingsSchema.properties.listen, text) && addressOf(text).port <= portMax;

/** `localhost` is 127.0.0.1 here: one address, so that there is one socket. */
export function addressOf(listen: string): { readonly host: string; readonly port: number } {
  const at = listen.lastIndexOf(':');
  const host = listen.slice(0, at).replace(/^\[|\]$/g, '');
  return { host: host === 'localhost' ? '127.0.0.1' : host, port: Number(listen.slice(at + 1)) };
}

/** Who may say in X-Forwarded-For who asks: never everybody. */
function checkProxies({ settings, origins }: Config): void {
  const wrong = settings.trustedProxies.findIndex(one => !isTrustable(one));
  if (wrong !== -1)
    throw new BadConfig(
      `trustedProxies (${origins.get('trustedProxies')}): entry ${wrong + 1} is no address or prefix of a proxy, ` +
        'as 127.0.0.1, 10.1.2.0/24 or 2001:db8::/64; prefixes wider than /8 and /16 are refused',
    );
}

/** A password and whom mails go to must not travel in the clear, but within this machine. */
function checkMail({ settings, origins }: Config): void {
  const { smtpHost, smtpFrom, smtpUser, smtpPasswordFile, smtpSecurity } = settings;
  const said = (setting: Setting) => `${setting} (${origins.get(setting) ?? 'default'})`;
  if (smtpHost !== undefined && smtpFrom === undefined) throw new BadConfig(`${said('smtpHost')} needs smtpFrom`);
  if (smtpUser !== undefined && smtpPasswordFile === undefined)
    throw new BadConfig(`${said('smtpUser')} needs smtpPasswordFile: a file that holds the password`);
  if (smtpHost !== undefined && smtpSecurity === 'none' && smtpHost !== 'localhost' && !isLoopback(smtpHost))
    throw new BadConfig(`${said('smtpSecurity')} is none, and smtpHost is another machine: take tls or starttls`);
}

/** What the public is shown (publish/roles/roles.ts). */
export const publicRuleOf = (settings: Settings): PublicRule => ({
  sensorsMin: settings.publicSensors,
  ownersMin: settings.publicOwners,
  lateDays: settings.publicLateDays,
  digits: settings.publicDigits,
  rowsMax: settings.publicRows,
});

export const budgetsOf = (settings: Settings): Budgets => ({
  member: { burst: settings.memberBurst, perSecond: settings.memberPerSecond },
  public: { burst: settings.publicBurst, perSecond: settings.publicPerSecond },
});

/** In what the public is guarded less than by default, `publicSensors 1 (5)`: each tells more of where sensors are. */
export function weakerThanSafe(settings: Settings): string[] {
  const lowest = ['publicSensors', 'publicOwners', 'publicLateDays'] as const;
  const highest = ['publicDigits', 'publicRows'] as const;
  return [
    ...lowest.filter(name => settings[name] < DEFAULTS[name]),
    ...highest.filter(name => settings[name] > DEFAULTS[name]),
  ].map(name => `${name} ${settings[name]} (${DEFAULTS[name]})`);
}

const isLoopback = (host: string): boolean => /^127(\.\d{1,3}){3}$/.test(host) || host === '::1';

export interface Secret {
  readonly name: string;
  readonly file: string;
}

/** Setting, value, where from: a line each. Of secrets no more than where they are. */
export function configText({ settings, origins }: Config, secrets: readonly Secret[]): string {
  const rows = SETTINGS.map(setting => {
    const value = settings[setting];
    const text = value === undefined || (Array.isArray(value) && value.length === 0) ? '-' : [value].flat().join(' ');
    return [setting, text, origins.get(setting) ?? 'default'];
  });
  rows.push(...secrets.map(({ name, file }) => [name, '(hidden)', file]));
  const widths = [0, 1].map(column => Math.max(...rows.map(row => row[column]!.length)));
  return rows
    .map(([name, value, origin]) => `${name!.padEnd(widths[0]!)}  ${value!.padEnd(widths[1]!)}  ${origin}\n`)
    .join('');
}
