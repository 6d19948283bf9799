/**
 * What of the log lies elsewhere. Its oldest files go when the archive holds what was in them; the archive comes later on the
 * path, so whoever opens a reader hands it a port, at whose other end a thread answers (archive/past-thread.ts). A reader is
 * synchronous, as SQLite is, and what it asks for is not: so one may wait for an answer with the whole thread (`ask`), or with
 * a promise, as a thread that answers others meanwhile must (`askLater`).
 */
import { once } from 'node:events';
import { MessageChannel, type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import type { Records } from '../../common/record/record.ts';
import { BadDatabase } from '../../common/sqlite/open.ts';
import type { GeoEntry, LoggedBatch } from './entry.ts';

export interface PastQuestion {
  /** Positions, both included. */
  readonly from: number;
  readonly upTo: number;
  /** Days since 1970: only batches of this one. */
  readonly day?: number;
  readonly max: { readonly batches: number; readonly bytes: number };
  /** The bytes of each are its head alone: enough for whose it is and what it tells as lost. */
  readonly headsOnly?: boolean;
  /** Only records of sources there: see `PastAnswer.picked`. Of one day. */
  readonly wanted?: Wanted;
}

/** Which records are wanted, and perhaps some more: whoever asks looks at each that it is given. */
export interface Wanted {
  /** SHA-256 of the geography that says where a source is, in hexadecimal. */
  readonly geo: string;
  readonly countries: readonly string[];
}

/** Some of a batch's records, and the number of each in the batch, ascending. */
export interface PickedRecords {
  readonly records: Records;
  readonly numbers: Uint16Array;
}

/** A batch of which some records are wanted. `bytes` is its head. */
export interface PickedBatch extends LoggedBatch {
  readonly picked: PickedRecords;
}

/** What is wrong with a batch. */
export interface PastDamage {
  readonly position: number;
  readonly message: string;
}

export interface PastAnswer {
  /** Ascending; as they travelled, but for how hard they are compressed. */
  readonly batches: readonly LoggedBatch[];
  /** In place of batches, where what is wanted could be picked out: those that have any. */
  readonly picked?: readonly PickedBatch[];
  readonly damaged: readonly PastDamage[];
  /** All before this position is told; beyond `upTo` when nothing is left. */
  readonly next: number;
}

/** All geographies, and days of which records are no more kept. */
export interface PastFacts {
  readonly geo: readonly GeoEntry[];
  readonly expired: readonly number[];
}

/** What goes over the port. Each question brings the port that its answer is for, and what is raised when that was sent. */
export interface PastRequest {
  readonly question: PastQuestion | 'facts';
  readonly reply: MessagePort;
  readonly raised: Int32Array;
}
export type PastReply =
  | { readonly answer: PastAnswer | PastFacts }
  | { readonly failure: string; readonly bad: boolean };

/** A thread that does not answer for so long is dead. */
const waitMsMax = 10 * 60_000;
const NO_ANSWER = 'the archive does not answer';

export class LogPast {
  readonly #connect: () => MessagePort;
  #port: MessagePort | undefined;

  /** Connected when it is first asked: most that read never look so far back. */
  constructor(connect: () => MessagePort) {
    this.#connect = connect;
  }

  /** Throws `BadDatabase` for positions that are not there, or a manifest that is damaged. */
  ask(question: PastQuestion): PastAnswer {
    return this.#askNow(question) as PastAnswer;
  }

  facts(): PastFacts {
    return this.#askNow('facts') as PastFacts;
  }

  /** As `ask` does, without holding the thread. */
  async askLater(question: PastQuestion): Promise<PastAnswer> {
    const { port1, port2 } = new MessageChannel();
    try {
      const answered = Promise.race([once(port1, 'message'), once(port1, 'close')]);
      this.#send(question, port2, new Int32Array(new SharedArrayBuffer(4)));
      const [reply] = (await answered) as [PastReply?];
      if (reply === undefined) throw new Error(NO_ANSWER);
      return opened(reply) as PastAnswer;
    } finally {
      port1.close();
    }
  }

  close(): void {
    this.#port?.close();
    this.#port = undefined;
  }

  #askNow(question: PastRequest['question']): PastAnswer | PastFacts {
    const { port1, port2 } = new MessageChannel();
    try {
      const raised = new Int32Array(new SharedArrayBuffer(4));
      this.#send(question, port2, raised);
      if (Atomics.wait(raised, 0, 0, waitMsMax) === 'timed-out') throw new Error(NO_ANSWER);
      return opened(receiveMessageOnPort(port1)!.message as PastReply);
    } finally {
      port1.close();
    }
  }

  /** Connected again when the thread is another. */
  #connected(): MessagePort {
    const port = this.#connect();
    port.once('close', () => {
      if (this.#port === port) this.#port = undefined;
    });
    return port;
  }

  #send(question: PastRequest['question'], reply: MessagePort, raised: Int32Array): void {
    this.#port ??= this.#connected();
    const request: PastRequest = { question, reply, raised };
    this.#port.postMessage(request, [reply]);
  }
}

function opened(reply: PastReply): PastAnswer | PastFacts {
  if ('answer' in reply) return reply.answer;
  throw reply.bad ? new BadDatabase(reply.failure) : new Error(reply.failure);
}
