/** A run that reads captures: in one thread, each block of packets decoded, sealed and kept before the next is read. */

import fs from 'node:fs';
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import { parsePrefix } from '../../common/record/address.ts';
import { failureText, type Place, type Reading, readingNames, START } from '../capture/place.ts';
import { readCaptures } from '../capture/read.ts';
import { momentOf } from '../capture/shift.ts';
import { beat } from '../ship/heartbeat.ts';
import { noteFinished } from '../spool/finished.ts';
import { LOST_PLACES } from '../spool/schema.ts';
import { Sealer } from '../spool/sealer.ts';
import type { Spool } from '../spool/spool.ts';
import { readAccount } from '../status/account.ts';
import { count, plural } from '../status/text.ts';
import { Failed } from './options.ts';
import type { Progress } from './progress.ts';
import type { RunFlags } from './run.ts';
import { batchMsMax, type Run, stopMsMax, tellReady } from './running.ts';
import { type Sending, startSending } from './sending.ts';

const DAMAGED = 3;
const ageCheckMs = 1000;
/** Reading waits while the spool is this full and the collector takes batches: nothing is dropped that could be sent. */
const fillMax = 0.5;
const silentMsMax = 60_000;
const holdMs = 20;

interface Session extends Sending, Run {
  readonly flags: RunFlags;
  readonly progress: Progress;
}

/** Returns the exit code. Throws what keeps it from running. */
export async function runCaptures(
  flags: RunFlags,
  networks: readonly string[],
  progress: Progress,
  run: Run,
): Promise<number> {
  const sending = startSending(flags, run);
  tellReady();
  try {
    return await readAll({ flags, progress, ...run, ...sending }, networks);
  } finally {
    await sending.close();
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
  if (!signal.aborted) noteFinished(session.spool.database, sealer.failures, Date.now());
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
      `In all: ${plural(shipped.records, 'record')} with the collector, ${count(spooled.records)} wait, ` +
      `${count(lost.records)} lost\n`,
  );
}
