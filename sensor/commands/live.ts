/** The live part of a run: interfaces to records, which the keeper gets, until a signal. */

import { batchRecordsMax } from '../../common/limits.ts';
import { parsePrefix } from '../../common/record/address.ts';
import { HOUR_MICROS } from '../../common/time.ts';
import { loadPcap } from '../capture/interfaces.ts';
import { LiveCapture, type LiveSink } from '../capture/live.ts';
import { type Moment, START } from '../capture/place.ts';
import { microsBetween, momentOf } from '../capture/shift.ts';
import { Sealer } from '../spool/sealer.ts';
import { count, plural } from '../status/text.ts';
import { Keeper, keeperBlocks } from './keeper.ts';
import type { RunFlags } from './run.ts';
import { batchMsMax, type Run, tellReady } from './running.ts';

/** A sensor that sees nothing says so: what was watched is told this often at the least. */
const quietMsMax = 600_000;
/**
 * Of a batch in a flood: 40,000 records of IPv4. Each batch costs a flush of the disk; with 8,192 it is the disk that bounds the
 * rate (30 ms a flush: 270,000 packets/s).
 */
const columnBytesMax = 2 ** 20;

/** Watches until the signal, then seals and sends what can be sent. Returns the exit code. */
export async function watchAll(
  flags: RunFlags,
  interfaces: readonly string[],
  networks: readonly string[],
  run: Run,
): Promise<number> {
  const keeper = await Keeper.start(flags, run);
  try {
    const sealer = createSealer(keeper, networks);
    await watch(sealer, keeper, flags, interfaces, networks, run);
    sealer.seal(sealer.watched === undefined ? undefined : momentOf(Date.now()));
    const account = await keeper.finish();
    if (account !== undefined) process.stdout.write(`${count(sealer.records)} recorded; stopped\n${account}\n`);
    return 0;
  } finally {
    await keeper.stop();
  }
}

const createSealer = (keeper: Keeper, networks: readonly string[]): Sealer =>
  new Sealer({
    networks: networks.map(parsePrefix),
    placeOf: () => START,
    nameOf: () => undefined,
    historic: false,
    live: true,
    recordsMax: batchRecordsMax,
    columnBytesMax,
    blocks: keeperBlocks,
    commit: drafts => keeper.commit(drafts),
    ready: async () => {},
  });

async function watch(
  sealer: Sealer,
  keeper: Keeper,
  flags: RunFlags,
  interfaces: readonly string[],
  networks: readonly string[],
  { say, signal, fail }: Run,
): Promise<void> {
  const capture = new LiveCapture(loadPcap(), sinkOf(sealer, keeper), {
    interfaces,
    networks: networks.map(parsePrefix),
    ...(flags.sharedHost && { services: flags.service ?? [] }),
    bufferBytes: flags.bufferBytes,
    onState: state => keeper.order({ kind: 'state', state }),
    onFailure: fail,
  });
  capture.start();
  tellReady();
  if (!flags.quiet) say(`watching ${interfaces.join(', ')} for ${plural(networks.length, 'network')}`);
  try {
    if (!signal.aborted) await new Promise(resolve => signal.addEventListener('abort', resolve, { once: true }));
  } finally {
    await capture.stop();
  }
}

/** What the capture hands over goes to the sealer; by its ticks batches are sealed, and what is open is noted. */
function sinkOf(sealer: Sealer, keeper: Keeper): LiveSink {
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
      const { open } = sealer;
      if (open.seen > 0 && open.seen !== noted) keeper.order({ kind: 'open', counts: open, atMs: Date.now() });
      noted = open.seen;
      if (dropped > 0) keeper.order({ kind: 'dropped', packets: dropped });
      dropped = 0;
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
