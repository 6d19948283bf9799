/** The live part of a run: interfaces to sealed batches, until a signal. */

import { setTimeout as sleep } from 'node:timers/promises';
import { batchRecordsMax } from '../../common/limits.ts';
import { parsePrefix } from '../../common/record/address.ts';
import { isFull } from '../../common/sqlite/full.ts';
import { HOUR_MICROS } from '../../common/time.ts';
import { loadPcap } from '../capture/interfaces.ts';
import { LiveCapture, type LiveSink, type LiveState } from '../capture/live.ts';
import { type Moment, START } from '../capture/place.ts';
import { microsBetween, momentOf } from '../capture/shift.ts';
import { beat } from '../ship/heartbeat.ts';
import { noteOpen } from '../spool/open.ts';
import { Sealer } from '../spool/sealer.ts';
import { readAccount } from '../status/account.ts';
import { count, plural } from '../status/text.ts';
import { batchMsMax, type Session, stopMsMax } from './running.ts';

/** A sensor that sees nothing says so: what was watched is told this often at the least. */
const quietMsMax = 600_000;
/**
 * Of a batch in a flood: 40,000 records of IPv4. Each batch costs a flush of the disk, in which nothing is read; with 8,192 it is
 * the disk that bounds the rate (30 ms a flush: 270,000 packets/s).
 */
const columnBytesMax = 2 ** 20;
/** For how long somebody is told that the kernel dropped packets. */
const dropsAlarmMs = 3_600_000;

/** Watches until the signal, then seals and sends what can be sent. Returns the exit code. */
export async function watchAll(
  session: Session,
  interfaces: readonly string[],
  networks: readonly string[],
): Promise<number> {
  const { flags, spool, shipper, progress, signal, fail } = session;
  const prefixes = networks.map(parsePrefix);
  const sealer = new Sealer({
    networks: prefixes,
    placeOf: () => START,
    nameOf: () => undefined,
    historic: false,
    live: true,
    recordsMax: batchRecordsMax,
    columnBytesMax,
    commit: drafts => {
      spool.commit(drafts);
      shipper.wake();
    },
    ready: async () => {},
  });
  for (const name of ['interface', 'silence'] as const) spool.alarms.clear(name);
  const say = (text: string) => progress.say(`enaga-sensor: ${text}`);
  const capture = new LiveCapture(await loadPcap(), sinkOf(sealer, session), {
    interfaces,
    networks: prefixes,
    ...(flags.sharedHost && { services: flags.service ?? [] }),
    bufferBytes: flags.bufferBytes,
    onState: state => tellState(state, session, say),
    onFailure: fail,
  });
  capture.start();
  if (!flags.quiet) say(`watching ${interfaces.join(', ')} for ${plural(networks.length, 'network')}`);
  try {
    if (!signal.aborted) await new Promise(resolve => signal.addEventListener('abort', resolve, { once: true }));
  } finally {
    await capture.stop();
  }
  sealer.seal(sealer.watched === undefined ? undefined : momentOf(Date.now()));
  await finish(session);
  tell(sealer, session);
  return 0;
}

/** What the capture hands over goes to the sealer; by its ticks batches are sealed, and what is open is noted. */
function sinkOf(sealer: Sealer, { spool }: Session): LiveSink {
  let sealedAt = performance.now();
  let noted = 0;
  let dropped = 0;
  const sealIfDue = (watchedTo: Moment | undefined) => {
    const now = performance.now();
    const isOld = sealer.openSince !== undefined && now - sealer.openSince >= batchMsMax;
    if (!isOld && (watchedTo === undefined || now - sealedAt < quietMsMax)) return;
    sealer.seal(watchedTo);
    sealedAt = now;
  };
  const note = () => {
    const { open } = sealer;
    if (open.seen > 0 && open.seen !== noted) noteOpen(spool, open, Date.now());
    noted = open.seen;
  };
  return {
    take: (chunk, packets, from, to) => sealer.take(chunk, packets, from, to),
    skip: skipped => sealer.skip(skipped),
    drop: packets => {
      sealer.drop(packets);
      dropped += packets;
    },
    tick: watchedTo => {
      moveWatch(sealer, watchedTo);
      sealIfDue(watchedTo);
      try {
        note();
        if (dropped > 0) {
          const text = `the kernel dropped ${plural(dropped, 'packet')}: give it more room with --buffer-bytes`;
          if (spool.alarms.raise('drops', text, dropsAlarmMs)) dropped = 0;
        }
      } catch (error) {
        if (!isFull(error)) throw error; // told when there is room again
      }
    },
  };
}

/** Begins, ends, or goes on to the next hour. */
function moveWatch(sealer: Sealer, watchedTo: Moment | undefined): void {
  const { watched } = sealer;
  if (watchedTo === undefined) {
    if (watched === undefined) return;
    sealer.seal();
    sealer.watchFrom(undefined);
  } else if (watched === undefined) sealer.watchFrom(watchedTo);
  else if (microsBetween(watchedTo, watched) > HOUR_MICROS)
    sealer.watchFrom(watchedTo); // the clock was set back
  else if (watchedTo.hour > watched.hour) sealer.turn(watchedTo.hour);
}

function tellState({ interfaces, leak }: LiveState, { spool }: Session, say: (text: string) => void): void {
  const { alarms } = spool;
  if (interfaces !== undefined) alarms.raise('interface', interfaces);
  else if (alarms.has('interface')) {
    alarms.clear('interface');
    say('every interface is watched again');
  }
  if (leak !== undefined) alarms.raise('silence', leak);
  for (const text of [interfaces, leak]) if (text !== undefined) say(text);
}

/** Sends what the collector takes now, and the account; the rest waits in the spool. */
async function finish({ spool, shipper, heartbeat }: Session): Promise<void> {
  const limit = AbortSignal.timeout(stopMsMax);
  spool.tellPending({ ...spanOf(Date.now()), historic: false });
  shipper.hurry();
  await shipper.drained(limit, false);
  await Promise.race([beat(heartbeat), sleep(stopMsMax, undefined, { ref: false })]);
}

function spanOf(ms: number): { hour: number; from: number; to: number } {
  const { hour, micros } = momentOf(ms);
  return { hour, from: micros, to: micros };
}

function tell(sealer: Sealer, { spool }: Session): void {
  const { seen, spooled, shipped, lost } = readAccount(spool.database, Date.now());
  process.stdout.write(
    `${count(sealer.records)} recorded; stopped\nIn all: ${plural(seen, 'packet')} seen, ` +
      `${count(shipped.records)} records with the collector, ${count(spooled.records)} wait, ${count(lost.records)} lost\n`,
  );
}
