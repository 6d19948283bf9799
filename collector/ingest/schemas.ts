/** The bodies of common/protocol/messages.ts as schemas: what is checked, what is typed and what is published are one. */
import { type Static, Type } from 'typebox';
import { gapsMax, skipReasonLengthMax, skipReasonsMax } from '../../common/limits.ts';
import type {
  Acknowledgement,
  Enrolment,
  EnrolmentRequest,
  Heartbeat,
  HeartbeatAnswer,
} from '../../common/protocol/messages.ts';
import type { Problem } from './problems.ts';

const epochsMax = 256;
const alarmsMax = 32;
const versionLengthMax = 64;
const alarmLengthMax = 300;
const timeLengthMax = 32;

const Count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
const Ordinal = Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER });
const Time = Type.Union([Type.String({ maxLength: timeLengthMax }), Type.Null()]);
const Networks = Type.Array(Type.String(), { description: 'CIDR prefixes the sensor observes' });

export const EnrolmentRequestSchema = Type.Object({
  token: Type.String({ minLength: 1, maxLength: 256 }),
  publicKey: Type.String({ pattern: '^[A-Za-z0-9_-]{43}$', description: 'Ed25519, 32 bytes in base64url' }),
});

export const EnrolmentSchema = Type.Object({
  sensor: Type.String(),
  name: Type.String(),
  economy: Type.String(),
  keyId: Type.String({ description: 'names the key in signatures' }),
  networks: Networks,
  epoch: Ordinal,
});

export const AcknowledgementSchema = Type.Object({
  sensor: Type.String(),
  epoch: Ordinal,
  sequence: Ordinal,
  sha256: Type.String({ description: "of the batch's canonical bytes, lower-case hexadecimal" }),
});

const StatusSchema = Type.Object({
  seen: Count,
  recorded: Count,
  kernelDrops: Count,
  interrupted: Count,
  skipped: Type.Record(Type.String({ pattern: `^[a-z0-9-]{1,${skipReasonLengthMax}}$` }), Count, {
    additionalProperties: false,
    maxProperties: skipReasonsMax,
  }),
  open: Count,
  spooled: Type.Object({ batches: Count, records: Count, bytes: Count }),
  shipped: Type.Object({ batches: Count, records: Count }),
  lost: Type.Object({ batches: Count, records: Count }),
  quarantined: Count,
  oldestUnshipped: Time,
  lastAcknowledgement: Time,
  clockOffsetMs: Type.Union([Type.Number(), Type.Null()]),
  alarms: Type.Array(Type.String({ maxLength: alarmLengthMax }), { maxItems: alarmsMax }),
});

/** What a newer sensor says beyond this is let through unread. */
export const HeartbeatSchema = Type.Object({
  epochs: Type.Array(Type.Object({ epoch: Ordinal, sealed: Count }), { maxItems: epochsMax }),
  status: StatusSchema,
  version: Type.Optional(Type.String({ maxLength: versionLengthMax })),
});

export const HeartbeatAnswerSchema = Type.Object({
  received: Count,
  gaps: Type.Array(Type.Object({ epoch: Ordinal, from: Ordinal, to: Ordinal }), { maxItems: gapsMax }),
  networks: Networks,
});

export const ProblemSchema = Type.Object(
  {
    type: Type.String({ description: 'urn:enaga:problem:CODE: programs go by this' }),
    title: Type.String({ description: 'in few words, in English' }),
    status: Type.Integer({ description: 'the HTTP status' }),
    detail: Type.String(),
    nextEpoch: Type.Optional(Ordinal),
    errors: Type.Optional(Type.Array(Type.Object({ at: Type.String(), message: Type.String() }))),
  },
  { description: 'A problem of RFC 9457' },
);

/** Fails to compile where a schema and the message it stands for differ. */
type Same<Schema extends Message, Message> = [Schema, Message];
export type SchemasAreMessages = [
  Same<EnrolmentRequest, Static<typeof EnrolmentRequestSchema>>,
  Same<Static<typeof EnrolmentRequestSchema>, EnrolmentRequest>,
  Same<Static<typeof EnrolmentSchema>, Enrolment>,
  Same<Static<typeof AcknowledgementSchema>, Acknowledgement>,
  Same<Static<typeof HeartbeatSchema>, Heartbeat>,
  Same<Static<typeof HeartbeatAnswerSchema>, HeartbeatAnswer>,
  Same<Static<typeof ProblemSchema>, Problem>,
];
