/** One run of a sensor: wires capture, spool, ship and status, from the lock to the summary. */

import fs from 'node:fs';
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import { parsePrefix } from '../../common/record/address.ts';
import { Locked, takeLock } from '../../common/sqlite/lock.ts';
import { DAY_MS } from '../../common/time.ts';
import { type Failure, type Place, type Reading, readingNames, START } from '../capture/place.ts';
import { readCaptures } from '../capture/read.ts';
import { momentOf } from '../capture/shift.ts';
import { readCa, readConfig, readKey, type SensorConfig } from '../enrol/config.ts';
import { type SensorPaths, sensorPaths } from '../enrol/paths.ts';
import { Client } from '../ship/client.ts';
import { beat, type HeartbeatOptions, heartbeatMs } from '../ship/heartbeat.ts';
import { Shipper } from '../ship/shipper.ts';
import { tellInterrupted } from '../spool/open.ts';
import { openSpool } from '../spool/recover.ts';
import { LOST_PLACES } from '../spool/schema.ts';
import { Sealer } from '../spool/sealer.ts';
import type { Spool } from '../spool/spool.ts';
import { readAccount } from '../status/account.ts';
import { count, plural } from '../status/text.ts';
import { watchAll } from './live.ts';
import { collectorOf, Failed } from './options.ts';
import { type Progress, startProgress } from './progress.ts';
import type { RunFlags } from './run.ts';
import { batchMsMax, type Session, stopMsMax } from './running.ts';
import { Settings } from './settings.ts';

const DAMAGED = 3;
const ageCheckMs = 1000;
/** Reading waits while the spool is this full and the collector takes batches: nothing is dropped that could be sent. */
const fillMax = 0.5;
const silentMsMax = 60_000;
const holdMs = 20;

/** Returns the exit code. Throws what keeps it from running. */
export async function runSensor(flags: RunFlags): Promise<number> {
  const paths = sensorPaths(flags.state);
  const config = readConfig(paths);
  fs.mkdirSync(paths.stateDirectory, { recursive: true, mode: 0o700 });
  const lock = lockState(paths);
  const progress = await startProgress(flags.read ?? [], flags.quiet || flags.interface !== undefined);
  try {
    return await runLocked(flags, paths, config, progress);
  } finally {
    progress.stop();
    lock.release();
  }
}

function lockState({ lock, stateDirectory }: SensorPaths): ReturnType<typeof takeLock> {
  try {
    return takeLock(lock);
  } catch (error) {
    if (!(error instanceof Locked)) throw error;
    throw new Failed(
      `another enaga-sensor runs on ${stateDirectory}: stop it, or give this one a directory of its own with --state`,
    );
  }
}

async function runLocked(
  flags: RunFlags,
  paths: SensorPaths,
  config: SensorConfig,
  progress: Progress,
): Promise<number> {
  const say = (text: string) => progress.say(`enaga-sensor: ${text}`);
  const spool = openState(flags, paths, config, say);
  const settings = new Settings({ paths, config, alarms: spool.alarms, say });
  settleEpoch(spool, config, settings);
  const interrupted = tellInterrupted(spool);
  if (interrupted > 0) say(`the run before was killed: ${plural(interrupted, 'record')} of it had not been sealed`);
  const ca = readCa(paths, config);
  const client = new Client({
    collector: collectorOf(config),
    key: { id: config.keyId, privateKey: readKey(paths, config) },
    ...(ca !== undefined && { ca }),
  });
  const stop = new AbortController();
  let broken: { error: unknown } | undefined;
  const fail = (error: unknown) => {
    broken ??= { error };
    stop.abort();
  };
  const shipper = new Shipper({ spool, client, say, onEpoch: epoch => settings.setEpoch(epoch), onFailure: fail });
  const heartbeat: HeartbeatOptions = {
    spool,
    client,
    say,
    onGaps: () => shipper.wake(),
    onNetworks: networks => settings.setNetworks(networks),
  };
  const onSignal = () => stop.abort();
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, onSignal);
  try {
    const networks = flags.network ?? config.networks;
    const session = { flags, spool, shipper, heartbeat, progress, signal: stop.signal, fail };
    const code = await runSession(session, networks);
    if (broken !== undefined) throw broken.error;
    return code;
  } finally {
    for (const name of ['SIGTERM', 'SIGINT'] as const) process.off(name, onSignal);
    client.close();
    spool.close();
  }
}

/** A spool that is behind the configuration was set back: its sequences may be used already. */
function settleEpoch(spool: Spool, config: SensorConfig, settings: Settings): void {
  const epoch = spool.epoch < config.epoch ? config.epoch + 1 : spool.epoch;
  if (epoch !== config.epoch) settings.setEpoch(epoch);
  if (epoch !== spool.epoch) spool.openEpoch(epoch);
}

/** A state that is not there or damaged may have used the epoch that the configuration knows: the next begins. */
function openState(flags: RunFlags, paths: SensorPaths, config: SensorConfig, say: (text: string) => void): Spool {
  const { spool, putAside } = openSpool(paths.spool, {
    sensor: config.sensor,
    epoch: config.epoch + 1,
    bytesMax: flags.spoolBytes,
    keepMs: flags.keepDays * DAY_MS,
    diskFree: () => {
      const { bavail, bsize } = fs.statfsSync(paths.stateDirectory);
      return bavail * bsize;
    },
  });
  if (putAside !== undefined)
    say(`the spool was damaged: it is put aside as ${putAside}, and epoch ${spool.epoch} begins`);
  if (spool.sensor === config.sensor) return spool;
  spool.close();
  throw new Failed(`${paths.stateDirectory} holds the state of another sensor: give this one a directory of its own`);
}

async function runSession(session: Session, networks: readonly string[]): Promise<number> {
  const { flags, shipper, heartbeat, fail } = session;
  const sent = beat(heartbeat).catch(fail);
  const beats = setInterval(() => void beat(heartbeat).catch(fail), heartbeatMs);
  try {
    shipper.wake();
    const { interface: interfaces } = flags;
    const code =
      interfaces === undefined ? await readAll(session, networks) : await watchAll(session, interfaces, networks);
    await Promise.race([sent, sleep(stopMsMax, undefined, { ref: false })]);
    return code;
  } finally {
    clearInterval(beats);
    await shipper.stop(stopMsMax);
  }
}

async function readAll(session: Session, networks: readonly string[]): Promise<number> {
  const { flags, progress, signal, fail } = session;
  const sealer = createSealer(session, networks);
  const ages = setInterval(() => sealOld(sealer, fail), ageCheckMs);
  try {
    const { shiftTo } = flags;
    await readCaptures(sealer, {
      captures: flags.read ?? [],
      signal,
      onProgress: progress.update,
      ...(flags.pace !== undefined && { pace: flags.pace }),
      ...(shiftTo !== undefined && { shiftTo: shiftTo === 'now' ? shiftTo : momentOf(shiftTo.getTime()) }),
    });
    sealer.seal();
    progress.stop();
    clearInterval(ages);
    await drain(session, sealer);
  } finally {
    clearInterval(ages);
  }
  tell(session, sealer);
  return sealer.failures.length > 0 ? DAMAGED : 0;
}

function sealOld(sealer: Sealer, fail: (error: unknown) => void): void {
  if (sealer.openSince === undefined || performance.now() - sealer.openSince < batchMsMax) return;
  try {
    sealer.seal();
  } catch (error) {
    fail(error);
  }
}

function createSealer({ flags, spool, shipper, signal }: Session, networks: readonly string[]): Sealer {
  const { shiftTo } = flags;
  const reading: Reading = {
    captures: flags.read ?? [],
    networks: flags.network ?? [],
    ...(shiftTo !== undefined && { shiftTo: shiftTo === 'now' ? shiftTo : shiftTo.toISOString() }),
  };
  const names = readingNames(reading);
  const places = names.map((name, n) => placeOf(reading.captures[n]!, name, spool, flags));
  const shift = places.find(place => place.shift !== undefined)?.shift;
  return new Sealer({
    networks: networks.map(parsePrefix),
    placeOf: input => places[input]!,
    nameOf: input => names[input],
    ...(shift !== undefined && { shift }),
    historic: shiftTo !== 'now',
    commit: (drafts, moved) => {
      spool.commit(drafts, moved);
      shipper.wake();
    },
    ready: async () => {
      await turn(); // files are read at once: batches and signals need their turn
      while (spool.fill > fillMax && shipper.silentMs < silentMsMax && !signal.aborted) await sleep(holdMs);
    },
  });
}

function placeOf(capture: string, name: string | undefined, spool: Spool, { again }: RunFlags): Place {
  if (name === undefined) return START;
  if (again) {
    spool.forgetPlace(name);
    return START;
  }
  const place = spool.placeOf(name);
  if (place !== undefined) return JSON.parse(place);
  const lost = spool.placeOf(LOST_PLACES);
  const changedMs = fs.statSync(capture, { throwIfNoEntry: false })?.mtimeMs ?? Number.POSITIVE_INFINITY;
  // A capture that was not there yet was not read before.
  if (lost === undefined || changedMs > Date.parse(lost)) return START;
  throw new Failed(
    `${capture}: a spool that was damaged (${lost}) took with it how far captures were read: --again reads this one from ` +
      'the start, and what was sent of it before is counted again',
  );
}

/** Sends everything, or what a signal or `--once` leaves time for; then tells the account once more. */
async function drain({ flags, spool, shipper, heartbeat, signal }: Session, sealer: Sealer): Promise<void> {
  const historic = flags.shiftTo !== 'now';
  const tellLosses = () => spool.tellPending({ hour: sealer.hour, from: 0, to: 0, historic });
  tellLosses();
  await shipper.drained(signal, !flags.once);
  // A batch put aside on the way is a loss to tell too; if that is refused in turn, it stays for the next run.
  if (tellLosses()) await shipper.drained(signal, !flags.once);
  await Promise.race([beat(heartbeat), sleep(stopMsMax, undefined, { ref: false })]);
  await shipper.drained(signal, !flags.once);
}

const failureText = ({ capture, offset, reason }: Failure): string =>
  offset === undefined
    ? `${capture}: cannot be read: ${reason}`
    : `${capture}: damaged at byte ${offset}: ${reason}. Everything before it counts.`;

function tell({ spool, progress, signal }: Session, sealer: Sealer): void {
  const say = (text: string) => progress.say(`enaga-sensor: ${text}`);
  for (const linkType of [...sealer.unknownLinkTypes].sort((a, b) => a - b))
    say(`link type ${linkType} is not one we read: its packets are skipped (tcpdump.org/linktypes.html names it)`);
  for (const failure of sealer.failures) say(failureText(failure));
  const { packets, records, readBefore } = sealer;
  const { spooled, shipped, lost } = readAccount(spool.database, Date.now());
  const read = `${plural(packets, 'packet')} read, ${count(records)} recorded, ${count(packets - records)} skipped`;
  const before = readBefore > 0 ? `${plural(readBefore, 'capture')} read before (--again reads all again)\n` : '';
  process.stdout.write(
    `${before}${read}${signal.aborted ? '; stopped' : ''}\n` +
      `In all: ${count(shipped.records)} records with the collector, ${count(spooled.records)} wait, ` +
      `${count(lost.records)} lost\n`,
  );
}
