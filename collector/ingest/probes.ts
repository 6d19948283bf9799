/** GET /healthz, /readyz and /metrics. */
import { Type } from 'typebox';
import type { App } from './app.ts';
import { pipeMetrics } from './metrics.ts';
import type { Powers } from './powers.ts';
import { refuse, retryAfter } from './problems.ts';
import type { Room } from './room.ts';

export interface ProbeOptions {
  /** Who may read /metrics: it names the sensors. */
  readonly metricsFor: 'loopback' | 'all';
  readonly room: Room;
}

const notReadySeconds = 5;
const LOOPBACK = /^(?:::ffff:)?127\.|^::1$/;
const FORWARDED = ['forwarded', 'x-forwarded-for', 'x-real-ip', 'via'];
const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

const OkSchema = Type.Object({ status: Type.Literal('ok') });

export function probeRoutes(app: App, powers: Powers, { metricsFor, room }: ProbeOptions): void {
  const health = { summary: 'Whether the process lives', response: { 200: OkSchema } };
  app.get('/healthz', { schema: health }, async () => ({ status: 'ok' as const }));

  const readiness = { summary: 'Whether batches are taken', response: { 200: OkSchema } };
  app.get('/readyz', { schema: readiness, config: { problems: ['unavailable'] } }, async (_request, reply) => {
    const ready = powers.ready();
    if (ready.ok) return { status: 'ok' as const };
    return refuse(reply.header('retry-after', retryAfter(notReadySeconds, powers.random)), 'unavailable', {
      errors: [{ at: '', message: ready.why }],
    });
  });

  const metrics = { summary: 'Metrics for Prometheus', produces: ['text/plain'], response: { 200: Type.String() } };
  app.get('/metrics', { schema: metrics }, async (request, reply) => {
    const { headers, ip } = request;
    // What a proxy on this machine hands on comes from loopback too, and is told by the proxy's headers.
    const local = LOOPBACK.test(ip) && !FORWARDED.some(name => headers[name] !== undefined);
    if (metricsFor === 'loopback' && !local) return refuse(reply, 'not-found');
    pipeMetrics(powers.metrics, powers);
    powers.metrics.set('enaga_http_body_bytes', room.bytes);
    return reply.type(METRICS_TYPE).send(await powers.metrics.text());
  });
}
