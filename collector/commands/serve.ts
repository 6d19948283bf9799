/**
 * `enaga serve`: the collector. Ties the stages together in the order of the path, and takes them apart in the other when it
 * is told to end (SIGTERM, SIGINT) or when one of them fails.
 */
import type { AddressInfo } from 'node:net';
import { createSecureContext } from 'node:tls';
import { Command, InvalidArgumentError, Option } from 'commander';
import { pino } from 'pino';
import { GeoError } from '../../common/geo/error.ts';
import { Locked, takeLock } from '../../common/sqlite/lock.ts';
import { MINUTE_MS } from '../../common/time.ts';
import packageJson from '../../package.json' with { type: 'json' };
import { type ArchiveThread, archiveThread } from '../archive/past.ts';
import { type App, buildApp, HTTP_LIMITS, renewTls, type TlsFiles } from '../ingest/app.ts';
import { GROUP_DEFAULTS, GroupCommit } from '../ingest/group.ts';
import { LOG_LEVELS, loggerOptions, scrub } from '../ingest/logging.ts';
import { commitMetrics, Metrics, peerMetrics } from '../ingest/metrics.ts';
import type { Powers, Readiness } from '../ingest/powers.ts';
import { ledgerWarnings } from '../log/left-out.ts';
import { Log } from '../log/log.ts';
import { LogReader } from '../log/reader.ts';
import { startPulling } from '../peer/schedule.ts';
import { heardOf } from '../publish/api/admin-powers.ts';
import { geoAgeDays, isStale } from '../publish/freshness.ts';
import { Registry } from '../registry/registry.ts';
import { openedOf } from '../store/batch.ts';
import { type Folding, startFolding } from '../store/folding.ts';
import { BadKnown, parseKnown } from '../store/known.ts';
import { startArchiving } from './archiving.ts';
import {
  addressOf,
  BadConfig,
  type Config,
  configText,
  isListen,
  loadConfig,
  type Setting,
  weakerThanSafe,
} from './config.ts';
import { type DataPaths, dataOption, dataPaths, existingData, isInitialised, readSecret } from './data.ts';
import { takeGeography } from './geography.ts';
import { outcomeText } from './outcome.ts';
import { pushDays } from './push-place.ts';
import type { Reading } from './reading.ts';
import { readBeside } from './reading-beside.ts';
import { ANY_HOST, announce, tryListening, urlOf } from './served.ts';
import { settingOptions } from './setting-options.ts';
import { readNamed } from './trouble.ts';

const EXAMPLES = `
Settings come from DIR/config.json, over it from the environment (ENAGA_LISTEN, ENAGA_TLS_CERT, ...), over it from these
options; enaga serve --print-config shows each and where it comes from. In config.json their names are listen, tlsCert,
tlsKey, insecureHttp, geo, asn, known, logLevel and metricsFor; and so for the others, as publicSensors is --public-sensors.

Examples:
  enaga serve --data /var/lib/enaga --listen 0.0.0.0:8740 --tls-cert cert.pem --tls-key key.pem
  enaga serve --data ./try                          HTTP on 127.0.0.1:8740
  enaga serve --data ./try --geo GeoLite2-Country.mmdb --asn GeoLite2-ASN.mmdb
  enaga serve --trusted-proxies 127.0.0.1           behind a proxy on this machine: each of its readers has a budget

It prints its URL when it serves, keeps it in DIR/url until it ends, and prints its log to standard error as JSON. SIGTERM and
SIGINT end it, SIGHUP reads the certificate again.

Exit codes: 0 ended as told; 1 failed, or could not start; 2 wrong usage.`;

interface ServeFlags extends Partial<Record<Setting, unknown>> {
  data: string;
  printConfig?: true;
}

const logLevels = LOG_LEVELS.join(', ');

/** The command, for the program to add. */
export function serveCommand(): Command {
  const serve = new Command('serve')
    .description('Take batches from sensors, log them and count them')
    .addOption(dataOption())
    .option('--listen <host:port>', 'where to serve (default 127.0.0.1:8740); port 0 takes a free one', listenAddress)
    .option('--tls-cert <file>', 'certificate and its chain, PEM')
    .option('--tls-key <file>', 'its private key, PEM')
    .option('--insecure-http', 'serve HTTP beyond loopback: only behind a proxy with TLS')
    .option('--geo <file>', "country database: an MMDB, or RIRs' delegated-extended files (repeatable)", collect)
    .option('--asn <file>', 'database of autonomous systems: an MMDB')
    .option('--known <file>', 'declared research scanners, to be shown apart')
    .addOption(new Option('--log-level <level>', `${logLevels} (default info)`).argParser(oneOf(LOG_LEVELS)))
    .addOption(
      new Option('--metrics-for <whom>', 'who may read /metrics: loopback, or all (default loopback)').argParser(
        oneOf(['loopback', 'all']),
      ),
    )
    .option('--print-config', 'print the settings and where each comes from, and exit')
    .addHelpText('after', EXAMPLES)
    .action(runServe);
  for (const option of settingOptions()) serve.addOption(option);
  return serve;
}

async function runServe({ data, printConfig, ...flags }: ServeFlags): Promise<void> {
  try {
    const paths = printConfig ? dataPaths(data) : existingData(data);
    const config = loadConfig({ file: paths.config, environment: process.env, flags });
    for (const name of config.unknownVariables) warn(`${name} is set and is no setting`);
    warnOfWeaker(config);
    if (printConfig) {
      const secrets = isInitialised(paths) ? [{ name: 'hashKey', file: paths.secret }] : [];
      process.stdout.write(configText(config, secrets));
      return;
    }
    process.exitCode = await serve(paths, config);
  } catch (error) {
    const text = whyNot(error, data);
    if (text === undefined) throw error;
    warn(text);
    process.exitCode = 1;
  }
}

/** What an operator can mend. */
function whyNot(error: unknown, data: string): string | undefined {
  if (error instanceof Locked) return `${data} is in use: another enaga serves or restores it`;
  return error instanceof BadKnown || error instanceof GeoError ? error.message : outcomeText(error);
}

const warn = (text: string): void => void process.stderr.write(`enaga serve: ${text}\n`);

/** Aloud: whoever sends marked probes finds sensors by what the public is shown of them (test/publish/api/attacker.test.ts). */
function warnOfWeaker({ settings }: Config): void {
  const weaker = weakerThanSafe(settings);
  if (weaker.length > 0)
    warn(
      `the public sees more than is safe, and may find out where sensors are: ${weaker.join(', ')}; safe in brackets`,
    );
}

/** Serves until told to end; resolves with the exit code. */
async function serve(paths: DataPaths, config: Config): Promise<number> {
  const tls = readTls(config);
  checkKnown(config);
  const { hashKey } = readSecret(paths);
  const closers: (() => unknown)[] = [];
  const opened = <T>(thing: T, close: (thing: T) => unknown): T => {
    closers.push(() => close(thing));
    return thing;
  };
  try {
    opened(takeLock(paths.lock), lock => lock.release());
    const listenOn = addressOf(config.settings.listen);
    await tryListening(listenOn); // before anything is logged of a start that comes to nothing
    const archive = opened(archiveThread(paths.archive), one => one.stop());
    const log = opened(Log.open(paths.log, archive.past()), one => one.close());
    const nextEpoch = (sensor: number) => log.nextEpoch(sensor);
    const registry = opened(Registry.open(paths.registry, { actor: 'serve', nextEpoch }), one => one.close());
    const output = pino.destination({ fd: process.stderr.fd, sync: true }); // the last line before an end counts most
    const logger = pino(loggerOptions(config.settings.logLevel), output);
    useGeography(log, archive, paths, config, logger);
    const { log: logDir, store, registry: registryFile, geo, peers, files } = paths;
    const data = { log: logDir, store, registry: registryFile, geo, peers, files };
    const say = (text: string) => logger.info(scrub(text));
    const folding = opened(startFolding({ data, hashKey, say, past: archive.port() }), one => one.stop());
    const ending = Promise.withResolvers<number>();
    const metrics = new Metrics({ process: true });
    tellLedger(log, metrics, logger);
    const fatal = failedDisk(logger);
    const reading = opened(readBeside({ data, paths, config, archive, logger, metrics, fatal }), one => one.stop());
    const { powers, group } = makePowers({ log, registry, folding, metrics, fatal, heard: reading.heard });
    closers.push(() => group.stop());
    const { logLevel, metricsFor, trustedProxies } = config.settings;
    const { others } = reading;
    const told = { logLevel, logTo: output, version: packageJson.version, metricsFor };
    const app = opened(buildApp(powers, { ...told, trustedProxies, others, ...(tls && { tls }) }), closeApp);
    folding.failed.then(error => {
      logger.fatal({ err: error }, 'counting failed');
      ending.resolve(1);
    });
    await app.listen({ ...listenOn, listenTextResolver: address => `listening on ${address}` });
    const url = urlOf(app.server.address() as AddressInfo, tls !== undefined);
    opened(announce(paths, url), takeBack => takeBack());
    closers.push(archiveDays(paths, config, logger));
    closers.push(pullPeers(paths, config, { logger, metrics }));
    closers.push(pushDays(paths, config.settings, { logger, metrics }));
    const unlisten = onSignals(app, config, logger, ending.resolve);
    const anyHost = url.includes(ANY_HOST) ? ` (${ANY_HOST}: any name or address of this machine)` : '';
    process.stdout.write(`enaga serves ${url}${anyHost}\n`);
    const code = await ending.promise;
    logger.info('ending');
    unlisten();
    return code;
  } finally {
    for (const close of closers.reverse()) await close();
  }
}

/** Acknowledged batches that the log's ledger does without are not passed over in silence. */
function tellLedger({ reconciled }: Log, metrics: Metrics, logger: pino.Logger): void {
  for (const { facts, text } of ledgerWarnings(reconciled)) logger.warn(facts, text);
  const { batch, losses } = reconciled.leftOut;
  metrics.set('enaga_ledger_left_out_batches', batch.batches);
  metrics.set('enaga_ledger_unread_heads', losses.batches);
}

/** Returns how to end it. */
function archiveDays({ root }: DataPaths, { settings, origins }: Config, logger: pino.Logger): () => Promise<void> {
  if (settings.archive === 'off') return async () => {};
  // Another process reads its own settings: of the command line it hears so.
  const environment: Record<string, string> = origins.has('recordsDays')
    ? { ENAGA_RECORDS_DAYS: String(settings.recordsDays) }
    : {};
  return startArchiving({ root, environment, say: (level, facts, text) => logger[level](facts, scrub(text)) });
}

/** Returns how to end it. */
function pullPeers(
  { peers: file }: DataPaths,
  { settings }: Config,
  { logger, metrics }: { readonly logger: pino.Logger; readonly metrics: Metrics },
): () => Promise<void> {
  const everyMs = settings.peerPullMinutes * MINUTE_MS;
  if (everyMs === 0) return async () => {};
  return startPulling({
    ...{ file, everyMs, say: (level, facts, text) => logger[level](facts, text) },
    pulled: peers => peerMetrics(metrics, peers),
  });
}

/** Nobody knows what the disk has: what is said after this may be wrong. Nothing is closed, for closing writes. */
const failedDisk =
  (logger: pino.Logger) =>
  (error: Error): never => {
    logger.fatal({ err: error }, 'the disk failed: nothing more is acknowledged');
    process.exit(1);
  };

interface Parts {
  readonly log: Log;
  readonly registry: Registry;
  readonly folding: Folding;
  readonly metrics: Metrics;
  readonly fatal: (error: Error) => never;
  readonly heard: Reading['heard'];
}

function makePowers({ log, registry, folding, metrics, fatal, heard }: Parts): { powers: Powers; group: GroupCommit } {
  const unfolded = watchUnfolded(folding);
  let storeFailed = false;
  folding.failed.then(() => {
    storeFailed = true;
  });
  const group = new GroupCommit(batches => log.append(batches), {
    ...GROUP_DEFAULTS,
    fatal,
    onCommit: (batches, seconds, done) => {
      commitMetrics(metrics, batches, seconds, done);
      if (!done) return;
      unfolded.logged(log.head(), Date.now());
    },
  });
  const ready = (): Readiness => {
    if (storeFailed) return { ok: false, why: 'counting failed' };
    if (group.state === 'full') return { ok: false, why: 'the disk is full' };
    return group.state === 'stopped' ? { ok: false, why: 'ending' } : { ok: true };
  };
  const powers: Powers = {
    keyOwner: keyId => registry.keyOwner(keyId, Date.now()),
    endedKeyOwner: keyId => registry.endedKeyOwner(keyId, Date.now()),
    enrol: request => registry.enrol(request, Date.now()),
    append: async (batch, opened) => {
      const outcome = await group.add(batch);
      if (outcome.kind === 'logged') folding.logged(openedOf(batch, outcome.position, opened));
      return outcome;
    },
    gaps: (sensor, epochs, max) => log.gaps(sensor, epochs, max),
    heard: (sensor, heartbeat, receivedMs) => heard(sensor, heardOf(heartbeat, receivedMs)),
    metrics,
    progress: () => {
      const { position, oldestUnfoldedMs, damaged } = folding.progress();
      const oldest = oldestUnfoldedMs ?? unfolded.sinceMs();
      return { logPosition: log.head(), storePosition: position, oldestUnfoldedMs: oldest, damaged };
    },
    ready,
    now: Date.now,
    random: Math.random,
    fatal,
  };
  return { powers, group };
}

/** Since when something logged has not been folded, known without the folding thread, which may be stuck. */
function watchUnfolded(folding: Folding): { logged(position: number, nowMs: number): void; sinceMs(): number | null } {
  let first = { position: 0, ms: 0 };
  const isFolded = () => folding.progress().position >= first.position;
  return {
    logged: (position, nowMs) => {
      if (isFolded()) first = { position, ms: nowMs };
    },
    sinceMs: () => (isFolded() ? null : first.ms),
  };
}

function useGeography(
  log: Log,
  archive: ArchiveThread,
  paths: DataPaths,
  { settings }: Config,
  logger: pino.Logger,
): void {
  const reader = LogReader.open(paths.log, archive.past());
  try {
    const { geo, asn } = settings;
    const { table, isNew } = takeGeography(
      { entries: () => reader.geoEntries(), append: entry => log.appendGeo(entry) },
      paths.geo,
      { geo, ...(asn !== undefined && { asn }) },
    );
    const { name, built } = table.geo;
    logger.info({ name, built }, isNew ? 'days that begin from now on are counted with this geography' : 'geography');
    const now = new Date();
    if (isStale(table.geo, now))
      logger.warn({ name, built, days: geoAgeDays(table.geo, now) }, 'the country database is old: give a newer one');
  } finally {
    reader.close();
  }
}

/** A file that the tables could not be labelled with is told now. Throws `BadKnown`. */
function checkKnown({ settings: { known } }: Config): void {
  if (known !== undefined) parseKnown(readNamed(known).toString(), known);
}

const CERTIFICATE = '-----BEGIN CERTIFICATE-----';
const PRIVATE_KEY = /-----BEGIN (?:\w+ )?PRIVATE KEY-----/;

/** Throws `BadConfig` if they are not PEM or do not go together. */
function readTls({ settings: { tlsCert, tlsKey } }: Config): TlsFiles | undefined {
  if (tlsCert === undefined || tlsKey === undefined) return undefined;
  const files = { cert: readNamed(tlsCert), key: readNamed(tlsKey) };
  if (!files.cert.includes(CERTIFICATE))
    throw new BadConfig(`tlsCert ${tlsCert} has no line ${CERTIFICATE}: it must be PEM`);
  if (!PRIVATE_KEY.test(files.key.toString('latin1')))
    throw new BadConfig(
      `tlsKey ${tlsKey} has no line -----BEGIN PRIVATE KEY-----: it must be PEM, without a passphrase`,
    );
  try {
    createSecureContext(files);
  } catch (error) {
    throw new BadConfig(`tlsCert ${tlsCert} and tlsKey ${tlsKey} are no pair: ${(error as Error).message}`);
  }
  return files;
}

/** Returns how to stop heeding them. A second SIGTERM or SIGINT ends the process at once. */
function onSignals(app: App, config: Config, logger: pino.Logger, end: (code: number) => void): () => void {
  const stop = () => end(0);
  const renew = () => {
    try {
      const tls = readTls(config);
      if (tls !== undefined) renewTls(app, tls);
      logger.info(tls === undefined ? 'no certificate to read' : 'certificate read again');
    } catch (error) {
      logger.error({ err: error }, 'the certificate is kept: the new one will not do');
    }
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  process.on('SIGHUP', renew);
  return () => {
    process.off('SIGTERM', stop);
    process.off('SIGINT', stop);
    process.off('SIGHUP', renew);
  };
}

/** Waits for requests under way, as long as they may take; connections that do nothing are closed. */
async function closeApp(app: App): Promise<void> {
  const timer = setTimeout(() => app.server.closeAllConnections(), HTTP_LIMITS.requestMs);
  await app.close();
  clearTimeout(timer);
}

const collect = (value: string, before: string[] = []): string[] => [...before, value];

function listenAddress(value: string): string {
  if (!isListen(value)) throw new InvalidArgumentError('It takes HOST:PORT, like 127.0.0.1:8740 or [::1]:8740.');
  return value;
}

const oneOf = (values: readonly string[]) => (value: string) => {
  if (!values.includes(value)) throw new InvalidArgumentError(`It takes one of ${values.join(', ')}.`);
  return value;
};
