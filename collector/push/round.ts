/**
 * One round of deliveries. What is to go where is looked up again at each file, for a member may have been revoked and a day
 * revised since it was queued. Before anything leaves, the book says that it is being sent and the audit whose records they are;
 * after, the book says how that ended. A process that is killed between the two leaves a delivery that is `sending`: into a
 * directory it is made sure of, over HTTPS and by e-mail it is sent again under the same key. So nothing is knowingly sent twice,
 * nothing is lost, and where a receiver may have it already, it can tell.
 */
import fs from 'node:fs';
import path from 'node:path';
import { HOUR_MS } from '../../common/time.ts';
import { exportMade, exportName, exportScope } from '../publish/api/day-files.ts';
import type { Digests } from '../publish/api/digests.ts';
import { BadExport } from '../publish/exports/check.ts';
import { FORMATS, type Format } from '../publish/exports/formats.ts';
import type { Shape } from '../publish/exports/iodef.ts';
import { dateOf, type Meta, type Sender } from '../publish/exports/meta.ts';
import { eventFile } from '../publish/exports/misp.ts';
import { type Cut, daysWithFiles, type ExportPowers, openExport } from '../publish/exports/open.ts';
import type { Rows } from '../publish/exports/row.ts';
import type { Members } from '../registry/members.ts';
import type { StoreReader } from '../store/query.ts';
import { type Book, type Delivery, deliveryKey, type FileOf } from './book.ts';
import { clearSpool, type MadeFile, makeFile, someRows } from './file.ts';
import { place } from './folder.ts';
import { type MailSettings, sendMail } from './mail.ts';
import { subjectOf, textOf } from './mail-text.ts';
import { failed, type Outcome, troubleOf } from './outcome.ts';
import { cutsFor, daysBackMax, filesFor } from './plan.ts';
import type { Target } from './targets.ts';
import { post } from './webhook.ts';

export interface PushPowers extends ExportPowers {
  readonly book: Book;
  readonly digests: Pick<Digests, 'keep'>;
  /** Undefined while nothing was ever counted. */
  store(): StoreReader | undefined;
  readonly members: Pick<Members, 'find' | 'noteRead'>;
  readonly sender: Sender;
  readonly mail?: MailSettings;
  /** Folder of files under way. */
  readonly spool: string;
  now(): number;
}

/** What became of one file, told as it happens. */
export interface Told extends FileOf {
  readonly target: string;
  readonly state: 'delivered' | 'empty' | 'withdrawn' | 'superseded' | 'given-up' | 'failed';
  readonly bytes?: number;
  readonly why?: string;
}

export interface RoundOptions {
  /** Only these targets; all unless given. */
  readonly targets?: readonly Target[];
  /** Also what is to wait longer. */
  readonly all?: boolean;
  readonly tell?: (told: Told) => void;
  /** Asked between files. */
  readonly isStopping?: () => boolean;
}

/** Targets served at once: one that is slow keeps the others waiting no longer than it must. */
const atOnceMax = 3;
const waitMsMin = 5 * 60_000;
const waitMsMax = 6 * HOUR_MS;
/** After this a file is given up, at its next failure. */
const keepTryingMs = 14 * 24 * HOUR_MS;

/** Takes what members are to have into the book: closed days that did not go there yet. Returns how many files are new. */
export function queueDays(powers: PushPowers, targets: readonly Target[], nowMs: number): number {
  const { book } = powers;
  const oldest = Math.floor(nowMs / (24 * HOUR_MS)) - daysBackMax;
  book.forget(oldest);
  const store = powers.store();
  const days = store === undefined ? [] : daysWithFiles(store, { from: Math.max(0, oldest), to: 2 ** 31 });
  let added = 0;
  for (const target of targets) {
    const cuts = cutsFor(powers.members.find(target.member), nowMs);
    added += book.queue(target, filesFor(target, cuts, days), nowMs);
  }
  return added;
}

/** To be called by one process at a time. Resolves when nothing is left to be tried now. */
export async function deliverRound(powers: PushPowers, options: RoundOptions = {}): Promise<void> {
  const { book, now } = powers;
  clearSpool(powers.spool);
  book.recover();
  const waiting = (options.targets ?? book.targets()).filter(({ nextMs }) => options.all || nextMs <= now());
  const next = waiting.values();
  const serve = async () => {
    for (const target of next) await serveTarget(powers, target, options);
  };
  // All are done before any error goes on: who opened the book closes it.
  const done = await Promise.allSettled(Array.from({ length: atOnceMax }, serve));
  for (const one of done) if (one.status === 'rejected') throw one.reason;
}

async function serveTarget(powers: PushPowers, target: Target, options: RoundOptions): Promise<void> {
  const { book, now } = powers;
  const { tell = () => {}, isStopping = () => false, all = false } = options;
  let { failures } = target;
  for (const delivery of book.waiting(target, now(), all)) {
    if (isStopping() || book.find(target.name)?.id !== target.id) return;
    const { day, country, format, revision } = delivery;
    const say = (state: Told['state'], more: { bytes?: number; why?: string } = {}) =>
      tell({ target: target.name, day, country, format, revision, state, ...more });
    const { outcome, made } = await tryOne(powers, target, delivery);
    if (outcome.kind === 'settled') {
      const { state, why } = outcome;
      const said = why === undefined ? {} : { why };
      book.settle(delivery, state, now(), said);
      say(state, said);
      continue;
    }
    if (outcome.kind === 'delivered') {
      book.settle(delivery, 'delivered', now(), made);
      if (failures > 0) book.noteTarget(target, 0, 0);
      failures = 0;
      say('delivered', made === undefined ? {} : { bytes: made.bytes });
      continue;
    }
    const { why } = outcome;
    if (outcome.kind === 'failed' && outcome.isMaybe) book.noteUnheard(delivery);
    if (outcome.kind === 'impossible' || now() - delivery.queuedMs > keepTryingMs) {
      book.settle(delivery, 'given-up', now(), { why });
      say('given-up', { why });
      continue;
    }
    say('failed', { why });
    const waitMs = Math.max(outcome.waitMs ?? 0, backoffMs(outcome.of === 'file' ? delivery.tries : failures));
    book.postpone(delivery, outcome.of === 'file' ? now() + waitMs : 0, why);
    if (outcome.of === 'file') continue;
    book.noteTarget(target, failures + 1, now() + waitMs);
    return;
  }
}

/** 5 minutes, 10, 20, ... 6 hours. */
export const backoffMs = (failures: number): number => Math.min(waitMsMax, waitMsMin * 2 ** Math.min(failures, 20));

type Settled = {
  readonly kind: 'settled';
  readonly state: 'empty' | 'withdrawn' | 'superseded';
  readonly why?: string;
};
type Tried = { readonly outcome: Outcome | Settled; readonly made?: Pick<MadeFile, 'bytes' | 'sha256'> };

const settled = (state: Settled['state'], why?: string): Tried => ({
  outcome: { kind: 'settled', state, ...(why !== undefined && { why }) },
});

/** Nothing is wrong with it, and it is not to be sent as it is. */
const later: Tried = {
  outcome: { kind: 'failed', of: 'file', why: 'the day is being counted again', waitMs: HOUR_MS },
};

async function tryOne(powers: PushPowers, target: Target, delivery: Delivery): Promise<Tried> {
  const { book, members, now } = powers;
  const { day, country, revision } = delivery;
  const cut = cutsFor(members.find(target.member), now()).find(one => one.country === country);
  if (cut === undefined) return settled('withdrawn', 'the member may not have it any more');
  const format = FORMATS.get(delivery.format);
  if (format === undefined) return settled('withdrawn', 'there is no such format any more');
  const store = powers.store();
  const [head] = store === undefined ? [] : daysWithFiles(store, { from: day, to: day });
  // While it is counted again nobody knows which revision it will be: with the same content it is the one that it was.
  if (store === undefined || head === undefined || !head.closed || head.stale) return later;
  if (head.revision > revision) return settled('superseded', 'the day has changed since');
  if (head.revision < revision) return later;
  if (powers.reader.isExpired(day)) return settled('withdrawn', 'records of that day are kept no longer');
  try {
    const opened = openExport(powers, store, { day, cut, sender: powers.sender })!;
    const found = await someRows(opened.rows);
    // An empty file takes the place of one that was not.
    if (found === undefined && !target.empty && !book.hasEarlier(delivery)) return settled('empty');
    book.begin(delivery, now());
    noteRead(powers, target, delivery, cut);
    const tried = await send(powers, target, delivery, { format, rows: found ?? [], meta: opened.meta });
    if (tried.made !== undefined) noteFile(powers, target, cut, { format, meta: opened.meta, made: tried.made });
    return tried;
  } catch (error) {
    if (error instanceof BadExport) return { outcome: failed('file', error.message) };
    if ((error as NodeJS.ErrnoException).syscall !== undefined) return { outcome: failed('target', troubleOf(error)) };
    // A damaged log, say: it is in the book, is tried again later, and keeps nothing else from being sent.
    return { outcome: failed('file', `it could not be made: ${(error as Error).name}`) };
  }
}

/** The same as of a read through the API: raw records leave, and it is written down before they do. */
function noteRead({ members, now }: PushPowers, target: Target, delivery: Delivery, cut: Cut): void {
  const { format, revision, country } = delivery;
  const date = dateOf({ day: delivery.day } as Meta);
  const detail = { date, country, revision, target: target.name, ...(cut.networks && { scope: cut.networks }) };
  members.noteRead(target.member, `push ${format}`, detail, now());
}

/** So that a listing has what it is without making it again. */
function noteFile(
  { digests, sender }: PushPowers,
  { shape }: Target,
  cut: Cut,
  { format, meta, made }: { format: Format; meta: Meta; made: Pick<MadeFile, 'bytes' | 'sha256'> },
): void {
  const file = format.kind === 'file' ? undefined : eventFile(meta);
  const name = exportName(format.name, format.shapes.length > 0 ? shape : undefined, file);
  const key = { day: meta.day, scope: exportScope(cut, sender), name, made: exportMade(meta) };
  digests.keep(key, { size: made.bytes, sha256: made.sha256 });
}

interface Contents {
  readonly format: Format;
  readonly rows: Rows;
  readonly meta: Meta;
}

async function send(powers: PushPowers, target: Target, delivery: Delivery, contents: Contents): Promise<Tried> {
  const { book, mail, spool, now } = powers;
  const shape = target.shape as Shape;
  if (target.kind === 'folder')
    return place(target.address, { draft: `${target.id}-${delivery.id}`, shape, ...contents });
  const { format, meta } = contents;
  const file = await makeFile(path.join(spool, `${target.id}-${delivery.id}`), { shape, ...contents });
  const { bytes, sha256 } = file;
  const id = deliveryKey(target, delivery, sha256);
  try {
    if (target.kind === 'mail') {
      if (mail === undefined) return { outcome: failed('target', 'no mail server is set: smtpHost, smtpFrom') };
      const text = textOf(meta, file, format.title);
      const message = { id, to: target.address.split(' '), subject: subjectOf(meta, format.name), text, file };
      return { outcome: await sendMail(mail, message), made: { bytes, sha256 } };
    }
    const secret = book.secretOf(target);
    if (secret === null) return settled('withdrawn', 'the target was removed');
    const endpoint = { url: target.address, secret, ca: target.ca };
    const headers = {
      'enaga-date': dateOf(meta),
      'enaga-country': meta.country,
      'enaga-format': format.name,
      'enaga-revision': String(meta.revision),
      'enaga-tlp': meta.tlp,
    };
    return { outcome: await post(endpoint, { id, headers, file }, now()), made: { bytes, sha256 } };
  } finally {
    fs.rmSync(file.path, { force: true });
  }
}
