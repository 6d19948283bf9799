/** The thread that keeps and sends in a live run (keeper.ts). */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { copyRecords } from '../../common/batch/columns.ts';
import { createRecords } from '../../common/record/record.ts';
import { isFull } from '../../common/sqlite/full.ts';
import type { LiveState } from '../capture/live.ts';
import { momentOf } from '../capture/shift.ts';
import { beat } from '../ship/heartbeat.ts';
import { stoppedFrames } from '../silence/tripwire.ts';
import { NOTHING_OPEN, noteOpen, untold } from '../spool/open.ts';
import { writeReserve } from '../spool/reserve.ts';
import type { Draft, OpenCounts } from '../spool/types.ts';
import { COUNTED_ONLY, readAccount } from '../status/account.ts';
import { count, plural } from '../status/text.ts';
import { type Answer, IN_FLIGHT, type KeeperOptions, type Order } from './keeper.ts';
import { stopMsMax } from './running.ts';
import { type Sending, startSending } from './sending.ts';

/** For how long somebody is told that the kernel dropped packets. */
const dropsAlarmMs = 3_600_000;
/** How often it is looked whether the rules of silence stopped something, for how long that is told, and how often logged. */
const tripwireMs = 10_000;
const tripwireAlarmMs = 24 * 3_600_000;
const tripwireSayMs = 3_600_000;

assert(parentPort !== null, 'a thread of its own');
const port = parentPort;
const { flags, shared } = workerData as KeeperOptions;
const answer = (one: Answer) => port.postMessage(one);
const say = (text: string) => answer({ kind: 'said', text });

function fail(error: unknown): void {
  const { name, message, code, syscall, stack } = error as NodeJS.ErrnoException;
  const rest = { ...(code !== undefined && { code }), ...(syscall !== undefined && { syscall }) };
  answer({ kind: 'failed', error: { name, message, ...(stack !== undefined && { stack }), ...rest } });
}

/** With records of its own: those that were handed over are filled again. */
function copyOf(draft: Draft): Draft {
  if (draft.records === undefined) return draft;
  const { family, count: records, hour } = draft.records;
  const copy = createRecords(family, records);
  copyRecords(draft.records, copy);
  return { ...draft, records: Object.assign(copy, { count: records, hour }) };
}

class KeeperThread {
  readonly #sending: Sending;
  /** What could not be committed, and what came until the run had ended: tried once more then. */
  readonly #unkept: (readonly Draft[])[] = [];
  /** As of the last note. */
  #open: OpenCounts = NOTHING_OPEN;
  #saidFull = false;
  /** Packets that the kernel dropped, and no alarm tells of. */
  #dropped = 0;
  /** Frames that the rules of silence had stopped when it was looked last. */
  #stopped = 0;
  #saidStoppedAt = Number.NEGATIVE_INFINITY;
  readonly #tripwire: NodeJS.Timeout;

  constructor(sending: Sending) {
    this.#sending = sending;
    for (const name of ['interface', 'silence', 'tripwire'] as const) sending.spool.alarms.clear(name);
    this.#look();
    this.#tripwire = setInterval(() => this.#look(), tripwireMs);
  }

  async take(order: Order): Promise<void> {
    switch (order.kind) {
      case 'commit':
        return this.#commit(order.drafts);
      case 'open':
        return this.#note(order.counts, order.atMs);
      case 'state':
        this.#unlessFull(() => this.#tellState(order.state));
        return;
      case 'dropped':
        this.#dropped += order.packets;
        this.#unlessFull(() => this.#tellDrops());
        return;
      case 'finish':
        return answer({ kind: 'finished', account: (await this.#finish().catch(fail)) ?? undefined });
      case 'stop':
        clearInterval(this.#tripwire);
        await this.#sending.close();
        port.close();
    }
  }

  #commit(drafts: readonly Draft[]): void {
    const { spool, shipper } = this.#sending;
    this.#open = NOTHING_OPEN; // the drafts tell it
    try {
      if (this.#unkept.length > 0) this.#putOff(drafts);
      else spool.commit(drafts);
    } catch (error) {
      this.#putOff(drafts);
      throw error;
    } finally {
      Atomics.sub(shared, IN_FLIGHT, 1);
      Atomics.notify(shared, IN_FLIGHT);
    }
    shipper.wake();
  }

  #putOff(drafts: readonly Draft[]): void {
    this.#unkept.push(drafts.map(copyOf));
    this.#reserve(Date.now(), true);
  }

  #note(counts: OpenCounts, atMs: number): void {
    this.#open = counts;
    // What is noted of a disk that took no batch stays: it is of that batch.
    if (this.#unkept.length === 0 && this.#unlessFull(() => noteOpen(this.#sending.spool, counts, atMs))) {
      this.#saidFull = false;
      return;
    }
    this.#reserve(atMs, false);
    if (!this.#saidFull) say(COUNTED_ONLY);
    this.#saidFull = true;
  }

  /** A number of what the spool does not take. What goes wrong with that too is told beside what went wrong before. */
  #reserve(atMs: number, flush: boolean): void {
    try {
      writeReserve(this.#sending.spool.database, { counts: untold(this.#open, this.#unkept.flat()), atMs, flush });
    } catch (error) {
      fail(error);
    }
  }

  /** What cannot be noted now is noted when there is room again. Whether there was. */
  #unlessFull(work: () => void): boolean {
    try {
      work();
      return true;
    } catch (error) {
      if (!isFull(error)) throw error;
      return false;
    }
  }

  /** The tripwire: nothing has left, but something on this machine tried, and without the rules would have. */
  #look(): void {
    try {
      const interfaces = flags.interface ?? [];
      const stopped = stoppedFrames(interfaces, Date.now());
      if (stopped === undefined || stopped <= this.#stopped) {
        this.#stopped = stopped ?? this.#stopped; // installed anew, they begin at zero
        return;
      }
      const one = interfaces.length === 1 ? interfaces[0] : 'IF';
      const text =
        `the rules of silence had to stop ${plural(stopped, 'frame')} since they were installed: something on this machine ` +
        `answers or speaks (enaga-sensor silence show --interface ${one})`;
      if (this.#sending.spool.alarms.raise('tripwire', text, tripwireAlarmMs)) this.#stopped = stopped;
      if (performance.now() - this.#saidStoppedAt < tripwireSayMs) return;
      say(text);
      this.#saidStoppedAt = performance.now();
    } catch (error) {
      fail(error);
    }
  }

  #tellDrops(): void {
    const text = `the kernel dropped ${plural(this.#dropped, 'packet')}: give it more room with --buffer-bytes`;
    if (this.#sending.spool.alarms.raise('drops', text, dropsAlarmMs)) this.#dropped = 0;
  }

  #tellState({ interfaces, leak }: LiveState): void {
    const { alarms } = this.#sending.spool;
    if (interfaces !== undefined) alarms.raise('interface', interfaces);
    else if (alarms.has('interface')) {
      alarms.clear('interface');
      say('every interface is watched again');
    }
    if (leak !== undefined) alarms.raise('silence', leak);
    for (const text of [interfaces, leak]) if (text !== undefined) say(text);
  }

  #keepRest(): void {
    while (this.#unkept.length > 0) {
      try {
        this.#sending.spool.commit(this.#unkept[0]!);
        this.#unkept.shift();
      } catch (error) {
        this.#reserve(Date.now(), true); // of what is left
        throw error;
      }
    }
  }

  /** Sends what the collector takes now, and the account; the rest waits in the spool. */
  async #finish(): Promise<string> {
    const { spool, shipper, heartbeat } = this.#sending;
    this.#keepRest();
    const limit = AbortSignal.timeout(stopMsMax);
    const { hour, micros } = momentOf(Date.now());
    spool.tellPending({ hour, from: micros, to: micros, historic: false });
    shipper.hurry();
    await shipper.drained(limit, false);
    await Promise.race([beat(heartbeat), sleep(stopMsMax, undefined, { ref: false })]);
    const { seen, spooled, shipped, lost } = readAccount(spool.database, Date.now());
    return (
      `In all: ${plural(seen, 'packet')} seen, ${plural(shipped.records, 'record')} with the collector, ` +
      `${count(spooled.records)} wait, ${count(lost.records)} lost`
    );
  }
}

let sending: Sending | undefined;
try {
  sending = startSending(flags, { say, fail });
  const keeper = new KeeperThread(sending);
  port.on('message', (order: Order) => void keeper.take(order).catch(fail));
  answer({ kind: 'ready' });
} catch (error) {
  fail(error);
  await sending?.close();
}
