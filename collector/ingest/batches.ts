/** PUT /v1/batches: a signed batch into the log, acknowledged once it is durable. */
import type { FastifyReply } from 'fastify';
import { Type } from 'typebox';
import { BadBatch } from '../../common/batch/format.ts';
import { openBatch } from '../../common/batch/open.ts';
import { batchWireBytesMax } from '../../common/limits.ts';
import { type Acknowledgement, BATCH_TYPE, BATCHES_PATH } from '../../common/protocol/messages.ts';
import type { App } from './app.ts';
import { refuseForNow } from './hooks.ts';
import { scrub } from './logging.ts';
import type { Powers } from './powers.ts';
import { type ProblemCode, type ProblemExtras, refuse } from './problems.ts';
import type { Rates } from './rates.ts';
import type { Room } from './room.ts';
import { AcknowledgementSchema } from './schemas.ts';
import { addSignature, type RequestSigner } from './signed.ts';

export interface SignedRouteOptions {
  readonly rates: Rates;
  readonly room: Room;
}

const SCHEMA = {
  summary: 'Hand over a batch',
  description: 'Signed (RFC 9421). Answered once the batch is durable; a duplicate gets the same answer.',
  body: { content: { [BATCH_TYPE]: { schema: Type.Unsafe<Buffer>({ type: 'string', format: 'binary' }) } } },
  response: { 200: AcknowledgementSchema },
};

export function batchRoute(app: App, powers: Powers, options: SignedRouteOptions): void {
  addSignature(app, powers, { ...options, contentType: BATCH_TYPE, bodyBytesMax: batchWireBytesMax });
  app.put(
    BATCHES_PATH,
    {
      schema: SCHEMA,
      config: {
        problems: ['malformed-batch', 'unauthorised', 'revoked', 'conflict', 'too-large', 'too-many', 'unavailable'],
      },
      validatorCompiler: () => () => true, // it is bytes: openBatch judges
    },
    async (request, reply) => takeBatch(request.body as Buffer, request.signer!, reply, powers),
  );
}

async function takeBatch(
  bytes: Buffer,
  { owner: { sensor }, receivedMs, clockOffsetMs }: RequestSigner,
  reply: FastifyReply,
  powers: Powers,
): Promise<FastifyReply> {
  const { metrics } = powers;
  const no = (code: ProblemCode, extras?: ProblemExtras) => {
    metrics.add('enaga_batches_total', { outcome: code });
    return refuse(reply, code, extras);
  };
  const opened = open(bytes);
  if (opened instanceof BadBatch) {
    const message = scrub(opened.message);
    reply.log.warn({ sensor: sensor.name, why: message }, 'malformed batch');
    return no('malformed-batch', { errors: [{ at: '', message }] });
  }
  const { header, sha256 } = opened;
  const records = opened.records.count;
  const { epoch, sequence } = header;
  // As with any malformed batch the same request will never do. Called unauthorised, it would be sent for ever.
  if (header.sensor !== sensor.id) return no('foreign-batch');
  const batch = {
    sensor: sensor.index,
    epoch,
    sequence,
    sha256: Buffer.from(sha256, 'hex'),
    receivedMs,
    clockOffsetMs,
    historic: header.historic,
    day: Math.floor(header.hour / 24),
    records,
    bytes,
  };
  const outcome = await powers.append(batch, opened);
  if (outcome.kind === 'conflict') {
    reply.log.warn({ sensor: sensor.name, epoch, sequence }, 'conflict: the log holds other content under this key');
    return no('conflict', { nextEpoch: outcome.nextEpoch });
  }
  if (outcome.kind !== 'logged' && outcome.kind !== 'duplicate') {
    metrics.add('enaga_batches_total', { outcome: outcome.kind });
    return refuseForNow(reply, outcome.kind, powers);
  }
  metrics.add('enaga_batches_total', { outcome: outcome.kind });
  metrics.set('enaga_sensor_last_batch_seconds', receivedMs / 1000, { sensor: sensor.name });
  if (outcome.kind === 'logged') {
    metrics.add('enaga_batch_records_total', {}, records);
    metrics.add('enaga_batch_bytes_total', {}, bytes.length);
    metrics.add('enaga_sensor_batches_total', { sensor: sensor.name });
    metrics.add('enaga_sensor_records_total', { sensor: sensor.name }, records);
  }
  const acknowledgement: Acknowledgement = { sensor: sensor.id, epoch, sequence, sha256 };
  return reply.send(acknowledgement);
}

function open(bytes: Buffer): ReturnType<typeof openBatch> | BadBatch {
  try {
    return openBatch(bytes);
  } catch (error) {
    if (error instanceof BadBatch) return error;
    throw error;
  }
}
