/**
 * What sensor and collector say to each other, over HTTPS. All bodies are JSON but a batch's (common/batch/format.ts); errors
 * are problems of RFC 9457. Every request but an enrolment is signed (signature.ts).
 *
 *   POST /v1/enrolments   EnrolmentRequest -> 201 Enrolment
 *   PUT  /v1/batches      a batch          -> 200 Acknowledgement, once it is durable; a duplicate gets the same
 *   POST /v1/heartbeats   Heartbeat        -> 200 HeartbeatAnswer; `{}` asks only whether the key is known
 *
 *   400, 413   malformed or too large: the same request will never do
 *   401        unknown, revoked or badly signed
 *   409        this key was used for another content (`nextEpoch` in the problem): open that epoch and seal again
 *   429, 503   later: Retry-After
 */
import type { SkipReason } from '../packet/skip.ts';

export const ENROLMENTS_PATH = '/v1/enrolments';
export const BATCHES_PATH = '/v1/batches';
export const HEARTBEATS_PATH = '/v1/heartbeats';

export const BATCH_TYPE = 'application/vnd.enaga.batch';
export const JSON_TYPE = 'application/json';

/** What names a batch everywhere. */
export interface BatchKey {
  /** UUID that the collector gave. */
  readonly sensor: string;
  /** From 1; a new one each time the sensor cannot know its sequence. */
  readonly epoch: number;
  /** From 1 in each epoch, without gaps as sealed. */
  readonly sequence: number;
}

export interface EnrolmentRequest {
  readonly token: string;
  /** Ed25519, the 32 bytes of RFC 8032, in base64url. */
  readonly publicKey: string;
}

export interface Enrolment {
  readonly sensor: string;
  readonly name: string;
  readonly economy: string;
  /** Names the key in signatures. */
  readonly keyId: string;
  /** CIDR prefixes this sensor observes. */
  readonly networks: readonly string[];
  /** The epoch for a sensor without state; one that has state of the same sensor goes on with its own. */
  readonly epoch: number;
}

export interface Acknowledgement extends BatchKey {
  /** Of the batch's canonical bytes, in lower-case hexadecimal. */
  readonly sha256: string;
}

/** Sequences `from` to `to`, both included. */
export interface SequenceRange {
  readonly epoch: number;
  readonly from: number;
  readonly to: number;
}

/** A sensor's whole account, in packets unless named otherwise, since its state was made. */
export interface SensorStatus {
  readonly seen: number;
  readonly recorded: number;
  readonly kernelDrops: number;
  readonly interrupted: number;
  readonly skipped: Partial<Record<SkipReason, number>>;
  /** Recorded but not sealed yet. */
  readonly open: number;
  /** Sealed and not acknowledged. */
  readonly spooled: { readonly batches: number; readonly records: number; readonly bytes: number };
  readonly shipped: { readonly batches: number; readonly records: number };
  readonly lost: { readonly batches: number; readonly records: number };
  /** Batches the collector called malformed, kept aside; their records are among the lost. */
  readonly quarantined: number;
  /** ISO 8601, null if there is none. */
  readonly oldestUnshipped: string | null;
  readonly lastAcknowledgement: string | null;
  /** This sensor's clock less the collector's; null before the first answer. */
  readonly clockOffsetMs: number | null;
  /** What somebody should look at, in words; empty if healthy. */
  readonly alarms: readonly string[];
}

export interface Heartbeat {
  /** The last sequence sealed in each epoch this sensor still has batches of. */
  readonly epochs: readonly { readonly epoch: number; readonly sealed: number }[];
  readonly status: SensorStatus;
  /** Of the sensor's program; the first ones do not say. */
  readonly version?: string;
}

export interface HeartbeatAnswer {
  /** When the collector received the heartbeat, milliseconds since 1970. */
  readonly received: number;
  /** What the collector lacks of the epochs told and no batch told as lost: to be sent again where the sensor still has it. */
  readonly gaps: readonly SequenceRange[];
  /** CIDR prefixes this sensor observes, which may have changed. */
  readonly networks: readonly string[];
}
