/** POST /v1/heartbeats: a sensor's account of itself, answered with what the collector lacks. */
import type { Static } from 'typebox';
import { gapsMax, jsonBytesMax } from '../../common/limits.ts';
import { HEARTBEATS_PATH, type Heartbeat, JSON_TYPE, type SequenceRange } from '../../common/protocol/messages.ts';
import type { App } from './app.ts';
import type { SignedRouteOptions } from './batches.ts';
import { scrub } from './logging.ts';
import { sensorMetrics } from './metrics.ts';
import type { Powers } from './powers.ts';
import { refuse } from './problems.ts';
import { HeartbeatAnswerSchema, HeartbeatSchema } from './schemas.ts';
import { addSignature, type RequestSigner } from './signed.ts';

const SCHEMA = {
  summary: "Tell a sensor's account",
  description:
    'Signed (RFC 9421). The answer lists the sequences that the collector lacks. An empty object only asks whether the key is known: it is answered without gaps, and nothing is taken from it.',
  body: HeartbeatSchema,
  response: { 200: HeartbeatAnswerSchema },
};

type Answer = Static<typeof HeartbeatAnswerSchema>;

const UTF8 = new TextDecoder('utf-8', { fatal: true });

export function heartbeatRoute(app: App, powers: Powers, options: SignedRouteOptions): void {
  const alarms = new Map<number, string>(); // by sensor, as told last
  addSignature(app, powers, { ...options, contentType: JSON_TYPE, bodyBytesMax: jsonBytesMax });
  app.addHook('preValidation', async (request, reply) => {
    try {
      request.body = JSON.parse(UTF8.decode(request.body as Buffer));
    } catch {
      return refuse(reply, 'malformed-json');
    }
    // Before the schema, of which it is no account: `enaga-sensor check` asks so, and is not to count as a sensor that runs.
    return isEmpty(request.body) ? reply.send(answerTo(request.signer!, [])) : undefined;
  });
  app.post(
    HEARTBEATS_PATH,
    {
      schema: SCHEMA,
      config: { problems: ['malformed-json', 'unauthorised', 'revoked', 'too-large', 'too-many'] },
    },
    async (request, reply) => {
      if (!hasEpochsOnce(request.body))
        return refuse(reply, 'schema', { errors: [{ at: '/epochs', message: 'must NOT have an epoch twice' }] });
      const told = alarmsTold(alarms, request.signer!, request.body);
      if (told !== undefined) request.log.warn(told, 'alarms changed');
      return reply.send(answer(request.signer!, request.body, powers));
    },
  );
}

const isEmpty = (body: unknown): boolean =>
  typeof body === 'object' && body !== null && !Array.isArray(body) && Object.keys(body).length === 0;

/** No JSON schema says it: what an object is told by is one of its fields here. */
const hasEpochsOnce = ({ epochs }: Heartbeat): boolean =>
  new Set(epochs.map(({ epoch }) => epoch)).size === epochs.length;

function answer(signer: RequestSigner, heartbeat: Heartbeat, powers: Powers): Answer {
  const { owner, receivedMs } = signer;
  const { index, name } = owner.sensor;
  sensorMetrics(powers.metrics, name, heartbeat.status, receivedMs);
  powers.heard?.(index, heartbeat, receivedMs);
  return answerTo(signer, powers.gaps(index, heartbeat.epochs, gapsMax));
}

const answerTo = ({ owner, receivedMs }: RequestSigner, gaps: readonly SequenceRange[]): Answer => ({
  received: receivedMs,
  gaps: [...gaps],
  networks: [...owner.sensor.networks],
});

/** What to log if a sensor's alarms are others than before. */
function alarmsTold(
  before: Map<number, string>,
  { owner: { sensor } }: RequestSigner,
  { status }: Heartbeat,
): { sensor: string; alarms: string[] } | undefined {
  const alarms = status.alarms.map(scrub);
  const text = alarms.join('\n');
  if ((before.get(sensor.index) ?? '') === text) return undefined;
  before.set(sensor.index, text);
  return { sensor: sensor.name, alarms };
}
