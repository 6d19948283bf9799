/**
 * Sends waiting batches, oldest first, several at a time, until each is acknowledged; never gives one up for its age. While
 * nothing gets through one batch at a time knocks.
 */
import { EventEmitter, once } from 'node:events';
import { BATCH_TYPE, BATCHES_PATH } from '../../common/protocol/messages.ts';
import { isFull } from '../../common/sqlite/full.ts';
import type { Spool } from '../spool/spool.ts';
import type { Waiting } from '../spool/types.ts';
import { type BackoffOptions, backoffMs, retryAfterMs, SLOW, SOON, withJitter } from './backoff.ts';
import { type Client, type Reply, Unreachable } from './client.ts';
import { judge, type Verdict } from './verdict.ts';

export interface ShipperOptions {
  readonly spool: Spool;
  readonly client: Pick<Client, 'send'>;
  /** A line for whoever watches. */
  readonly say: (text: string) => void;
  /** Batches are sealed in this epoch from now on: to be written down. */
  readonly onEpoch: (epoch: number) => void;
  /** The spool cannot be used any more: nothing is sent after this. */
  readonly onFailure: (error: unknown) => void;
  readonly inFlightMax?: number;
  readonly soon?: BackoffOptions;
  readonly slow?: BackoffOptions;
  readonly random?: () => number;
}

const inFlightDefault = 4;
/** Waiting batches looked at for one to send: as many may be blocked one by one. */
const candidatesMax = 64;
/** Failures in a row after which an unreachable collector is an alarm, and no passing trouble. */
const failuresOfAlarm = 3;
const conflictAlarmMs = 24 * 3600_000;

export class Shipper {
  readonly #options: ShipperOptions;
  readonly #events = new EventEmitter();
  readonly #inFlight = new Set<number>();
  /** Batches that something in between refuses: how often, and when to try again. */
  readonly #blocked = new Map<number, { failures: number; atMs: number }>();
  #failures = 0;
  /** By our own backoff, until something passes; and because the collector asked for it, whatever passes. */
  #pausedUntilMs = 0;
  #askedUntilMs = 0;
  #stopping = false;
  #timer: NodeJS.Timeout | undefined;
  readonly #startedAt = performance.now();
  #acknowledgedAt: number | undefined;

  constructor(options: ShipperOptions) {
    this.#options = options;
  }

  /** How long ago the collector was last known to take batches; at the start it is believed to, until it fails. */
  get silentMs(): number {
    if (this.#acknowledgedAt === undefined && this.#failures > 0) return Number.POSITIVE_INFINITY;
    return performance.now() - (this.#acknowledgedAt ?? this.#startedAt);
  }

  /** There may be something to send. Throws nothing: it is called from timers, and by who has done his own work already. */
  wake(): void {
    if (this.#stopping) return;
    clearTimeout(this.#timer);
    let waitMs: number | undefined;
    try {
      waitMs = this.#launch();
    } catch (error) {
      this.#broke(error);
      waitMs = this.#pausedMs();
    }
    if (waitMs !== undefined && !this.#stopping) this.#timer = setTimeout(() => this.wake(), waitMs);
    if (this.#inFlight.size === 0) this.#events.emit('settled'); // a damaged batch was put aside unsent
  }

  /** Tries at once what would be tried later, but for what the collector asked to wait for. */
  hurry(): void {
    this.#failures = 0;
    this.#pausedUntilMs = 0;
    this.#blocked.clear();
    this.wake();
  }

  /** Until nothing waits; or, if `patient` is false, until nothing can be sent now. */
  async drained(signal: AbortSignal, patient: boolean): Promise<void> {
    this.wake();
    while (!signal.aborted && !this.#isDone(patient)) await once(this.#events, 'settled', { signal }).catch(() => {});
  }

  /** Sends no more; waits for what is under way, up to `msMax`. */
  async stop(msMax: number): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#timer);
    const signal = AbortSignal.timeout(msMax);
    while (this.#inFlight.size > 0 && !signal.aborted) await once(this.#events, 'settled', { signal }).catch(() => {});
  }

  #isDone(patient: boolean): boolean {
    if (this.#inFlight.size > 0) return false;
    return (
      this.#options.spool.waiting(1).length === 0 ||
      (!patient && (this.#failures > 0 || this.#pausedMs() > 0 || this.#next() === undefined))
    );
  }

  #next(): number | undefined {
    const now = performance.now();
    const candidates = this.#options.spool.waiting(candidatesMax);
    for (const id of this.#blocked.keys()) if (!candidates.includes(id)) this.#blocked.delete(id); // dropped meanwhile
    return candidates.find(id => !this.#inFlight.has(id) && (this.#blocked.get(id)?.atMs ?? 0) <= now);
  }

  /** Starts what may start. Milliseconds until something may change by itself, undefined if nothing will. */
  #launch(): number | undefined {
    const now = performance.now();
    const pausedMs = this.#pausedMs();
    if (pausedMs > 0) return pausedMs;
    const { inFlightMax = inFlightDefault } = this.#options;
    const most = this.#failures > 0 ? 1 : inFlightMax;
    while (this.#inFlight.size < most) {
      const id = this.#next();
      if (id === undefined) break;
      const batch = this.#taken(id);
      if (batch === undefined) continue;
      this.#inFlight.add(id);
      void this.#ship(batch);
    }
    const blocked = [...this.#blocked.values()].map(({ atMs }) => atMs).filter(atMs => atMs > now);
    return blocked.length > 0 ? Math.min(...blocked) - now : undefined;
  }

  /** Undefined if it is damaged: it is put aside, or will be when there is room to say so. */
  #taken(id: number): Waiting | undefined {
    try {
      return this.#options.spool.take(id);
    } catch (error) {
      if (!isFull(error)) throw error;
      this.#block(id, this.#options.slow ?? SLOW);
      return undefined;
    }
  }

  async #ship(batch: Waiting): Promise<void> {
    const { client, spool } = this.#options;
    try {
      const request = { method: 'PUT', path: BATCHES_PATH, type: BATCH_TYPE, body: batch.wire };
      const reply = await client.send(request).catch(asUnreachable);
      if (!(reply instanceof Unreachable)) this.#take(judge(reply, batch), batch, reply);
      else if (!this.#stopping) this.#unreachable(reply);
    } catch (error) {
      this.#broke(error);
    }
    spool.giveBack(batch.id);
    this.#inFlight.delete(batch.id);
    this.#events.emit('settled');
    this.wake();
  }

  /** A disk without room may have some again; after any other trouble with the spool nothing is sent. */
  #broke(error: unknown): void {
    if (isFull(error)) {
      this.#pause('this disk is full', this.#options.slow ?? SLOW, undefined);
      return;
    }
    this.#stopping = true;
    this.#options.onFailure(error);
  }

  #take(verdict: Verdict, batch: Waiting, reply: Reply): void {
    const { spool, say, slow = SLOW, soon = SOON } = this.#options;
    const name = `batch ${batch.epoch}/${batch.sequence}`;
    if (verdict.kind !== 'blocked') this.#blocked.delete(batch.id);
    switch (verdict.kind) {
      case 'acknowledged':
        spool.acknowledge(batch.id);
        this.#acknowledgedAt = performance.now();
        break;
      case 'malformed':
        spool.quarantine(batch.id, `the collector says ${verdict.why}`);
        say(`${name} is put aside: the collector says ${verdict.why}`);
        break;
      case 'conflict':
        this.#conflict(verdict.nextEpoch, batch);
        break;
      case 'blocked':
        spool.alarms.raise('collector', `${name} does not get through: ${verdict.why}`);
        this.#block(batch.id, slow);
        return;
      case 'later':
        this.#pause(verdict.why, soon, retryAfterMs(reply.retryAfter, Date.now()));
        return;
      case 'refused':
        spool.alarms.raise('collector', `the collector does not take batches: ${verdict.why}`);
        this.#pause(verdict.why, slow, undefined);
        return;
    }
    this.#passed();
  }

  /** A batch of an epoch that was left already only needs its own new key. */
  #conflict(nextEpoch: number, batch: Waiting): void {
    const { spool, say, onEpoch } = this.#options;
    if (batch.epoch === spool.epoch) {
      const epoch = Math.max(nextEpoch, spool.epoch + 1);
      onEpoch(epoch); // first: an epoch that is written down and not used does no harm
      spool.openEpoch(epoch);
      const text =
        `the collector has other batches under this sensor's keys, as after a machine was set back or copied: ` +
        `epoch ${epoch} begins`;
      spool.alarms.raise('conflict', text, conflictAlarmMs);
      say(text);
    }
    spool.reseal(batch.id);
  }

  #passed(): void {
    if (performance.now() < this.#askedUntilMs) return; // it was on its way already
    if (this.#failures > 0) this.#options.say('the collector takes batches again');
    this.#failures = 0;
    this.#pausedUntilMs = 0;
    if (this.#blocked.size === 0) this.#options.spool.alarms.clear('collector');
  }

  #block(id: number, backoff: BackoffOptions): void {
    const failures = (this.#blocked.get(id)?.failures ?? 0) + 1;
    const waitMs = backoffMs(failures, this.#random(), backoff);
    this.#blocked.set(id, { failures, atMs: performance.now() + waitMs });
  }

  #unreachable({ message }: Unreachable): void {
    const text = `the collector cannot be reached: ${message}`;
    if (this.#failures + 1 >= failuresOfAlarm) this.#options.spool.alarms.raise('collector', text);
    this.#pause(message, this.#options.soon ?? SOON, undefined);
  }

  #pause(why: string, backoff: BackoffOptions, askedMs: number | undefined): void {
    const counts = this.#pausedMs() === 0; // what was sent together fails together, and counts once
    if (counts) this.#failures++;
    const now = performance.now();
    if (askedMs === undefined) {
      const untilMs = now + backoffMs(this.#failures, this.#random(), backoff);
      this.#pausedUntilMs = Math.max(this.#pausedUntilMs, untilMs);
    } else this.#askedUntilMs = Math.max(this.#askedUntilMs, now + withJitter(askedMs, this.#random()));
    if (counts && this.#failures === 1)
      this.#options.say(`the collector takes no batches (${why}): trying again until it does`);
  }

  /** For how long nothing is sent; 0 if something may be. */
  #pausedMs(): number {
    return Math.max(0, Math.max(this.#pausedUntilMs, this.#askedUntilMs) - performance.now());
  }

  #random(): number {
    return (this.#options.random ?? Math.random)();
  }
}

function asUnreachable(error: unknown): Unreachable {
  if (error instanceof Unreachable) return error;
  throw error;
}
