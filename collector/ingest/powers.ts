/**
 * What the HTTP side is handed (architecture: no module reaches for a global). Stages that come later on the path, the log
 * above all, are known here only by these shapes; collector/commands/serve.ts ties them together.
 */
import type { KeyObject } from 'node:crypto';
import type { Batch } from '../../common/batch/batch.ts';
import type { EnrolmentRequest, Heartbeat, SequenceRange } from '../../common/protocol/messages.ts';
import type { Enrolled } from '../registry/enrolments.ts';
import type { Metrics } from './metrics.ts';

export interface SensorIdentity {
  /** Small number from 0, never reused: names the sensor in log and store. */
  readonly index: number;
  /** UUID: names it in batches. */
  readonly id: string;
  readonly name: string;
  readonly networks: readonly string[];
}

export interface KeyOwner {
  readonly publicKey: KeyObject;
  readonly sensor: SensorIdentity;
}

/** A verified batch on its way into the log. */
export interface NewBatch {
  readonly sensor: number;
  readonly epoch: number;
  readonly sequence: number;
  /** Of the canonical bytes, 32 bytes. */
  readonly sha256: Uint8Array;
  readonly receivedMs: number;
  /** The signature's time less `receivedMs`. */
  readonly clockOffsetMs: number;
  readonly historic: boolean;
  /** Days since 1970 in UTC, by the sensor's clock. */
  readonly day: number;
  readonly records: number;
  /** As they travelled. */
  readonly bytes: Uint8Array;
}

export type Appended =
  | { readonly kind: 'logged' | 'duplicate'; readonly position: number }
  | { readonly kind: 'conflict'; readonly nextEpoch: number };

/** Why a batch was not taken in; nothing of it was kept, and the same request may do later. */
export type NotAppended =
  | { readonly kind: 'busy' } // more are waiting than the queue may hold, or another process holds the database
  | { readonly kind: 'full' } // no room on the disk
  | { readonly kind: 'stopped' }; // the process ends

export interface EpochSealed {
  readonly epoch: number;
  readonly sealed: number;
}

/** How far log and store are, for /metrics. */
export interface PipeProgress {
  readonly logPosition: number;
  readonly storePosition: number;
  /** Receive time of the oldest batch in the log that is not in the store, null if there is none. */
  readonly oldestUnfoldedMs: number | null;
  /** Batches of the log that are damaged, and so in no count. */
  readonly damaged: number;
}

export type Readiness = { readonly ok: true } | { readonly ok: false; readonly why: string };

export interface Powers {
  /** Undefined if the key is unknown, revoked or expired. */
  keyOwner(keyId: string): KeyOwner | undefined;
  /** Whose key it was that was replaced, or whose sensor was revoked: who signs with it is told so, and no more. */
  endedKeyOwner(keyId: string): KeyOwner | undefined;
  /** Undefined if the token or the key will not do; which of them, nobody is told. */
  enrol(request: EnrolmentRequest): Enrolled | undefined;
  /** Resolves once the batch is durable, or was not taken. Never rejects. The memory of the records is given away. */
  append(batch: NewBatch, opened: Batch): Promise<Appended | NotAppended>;
  gaps(sensor: number, epochs: readonly EpochSealed[], max: number): readonly SequenceRange[];
  /** What a sensor said of itself. */
  heard?(sensor: number, heartbeat: Heartbeat, receivedMs: number): void;
  readonly metrics: Metrics;
  progress(): PipeProgress;
  ready(): Readiness;
  /** Milliseconds since 1970. */
  now(): number;
  /** From 0 to below 1: spreads the times after which clients come again. */
  random(): number;
  /** The disk failed in a way after which nothing may be acknowledged: the process ends. */
  fatal(error: Error): void;
}
