/**
 * The collector over HTTP: a thin plugin that is handed its powers. It knows no database, no clock and no configuration.
 * Protocol: common/protocol/messages.ts; errors: problems.ts; metrics: metrics.ts; document: openapi.ts, told by publish/document/.
 */
import type { Server } from 'node:http';
import type { Server as TlsServer } from 'node:https';
import swagger from '@fastify/swagger';
import { type TypeBoxTypeProvider, TypeBoxValidatorCompiler } from '@fastify/type-provider-typebox';
import Fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  LogController,
  type RawReplyDefaultExpression,
  type RawRequestDefaultExpression,
} from 'fastify';
import { type DestinationStream, pino } from 'pino';
import { jsonBytesMax } from '../../common/limits.ts';
import { batchRoute } from './batches.ts';
import { enrolmentRoute } from './enrolments.ts';
import { type Others, REQUEST_ID_HEADER } from './hand-over.ts';
import { heartbeatRoute } from './heartbeats.ts';
import { addHooks, refuseClient, refuseError } from './hooks.ts';
import { type LogLevel, loggerOptions } from './logging.ts';
import { documentOptions } from './openapi.ts';
import type { Powers } from './powers.ts';
import { probeRoutes } from './probes.ts';
import { type RateOptions, Rates } from './rates.ts';
import { Room, type RoomOptions } from './room.ts';

export type App = FastifyInstance<
  Server,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;

/** PEM. */
export interface TlsFiles {
  readonly cert: string | Buffer;
  readonly key: string | Buffer;
}

export interface HttpLimits {
  readonly headersMs: number;
  /** From the first byte of a request to its last. */
  readonly requestMs: number;
  /** Between one request and the next on a connection. */
  readonly idleMs: number;
  /** How often Node looks for those that are too slow. */
  readonly checkMs: number;
  readonly headerBytesMax: number;
  /** Further ones are closed at once, and counted. 65 KB each where there is TLS, and two more files where it is read from. */
  readonly connectionsMax: number;
  readonly room: RoomOptions;
  /** Of an address (an IPv6 /64). */
  readonly enrolments: RateOptions;
  /** Of a sensor, batches: far above what a sensor that catches up sends. */
  readonly sensor: RateOptions;
  /** Of a sensor, heartbeats: it sends one a minute, and each has the ledger searched for gaps. */
  readonly heartbeats: RateOptions;
}

export const HTTP_LIMITS: HttpLimits = {
  headersMs: 10_000,
  requestMs: 30_000,
  idleMs: 75_000,
  checkMs: 2_000,
  headerBytesMax: 16 * 1024,
  connectionsMax: 8_000, // a thousand sensors that catch up have six each, and readers what is left
  room: { bytesMax: 128 * 2 ** 20, keyBytesMax: 32 * 2 ** 20 },
  enrolments: { burst: 10, perSecond: 0.2 },
  sensor: { burst: 3_000, perSecond: 300 },
  heartbeats: { burst: 10, perSecond: 1 },
};

export interface AppOptions {
  readonly logLevel: LogLevel;
  readonly logTo: DestinationStream;
  readonly version: string;
  readonly metricsFor: 'loopback' | 'all';
  readonly tls?: TlsFiles;
  /** Addresses and prefixes of proxies that are believed about who asks (X-Forwarded-For). None: nobody is. */
  readonly trustedProxies?: readonly string[];
  readonly limits?: Partial<HttpLimits>;
  /** Asked for all that has no route here, the document too, which tells of its routes as well. */
  readonly others?: Others;
  /** It is such another server: whoever connects to it is believed about who asks, and numbers the requests. */
  readonly isBehind?: boolean;
}

/** Not listening yet: `inject` works, `listen` opens a socket. */
export function buildApp(powers: Powers, options: AppOptions): App {
  const limits = { ...HTTP_LIMITS, ...options.limits };
  const app = makeServer(powers, options, limits);
  app.removeAllContentTypeParsers(); // each route says what it takes
  app.setValidatorCompiler(TypeBoxValidatorCompiler);
  app.decorateRequest('signer', null);
  addHooks(app, powers, options.others);
  if (options.others === undefined) app.register(swagger, documentOptions(options.version));
  const room = new Room(limits.room);
  app.register(async scope => batchRoute(scope, powers, { rates: new Rates(limits.sensor), room }));
  app.register(async scope => heartbeatRoute(scope, powers, { rates: new Rates(limits.heartbeats), room }));
  app.register(async scope => enrolmentRoute(scope, powers, new Rates(limits.enrolments)));
  app.register(async scope => probeRoutes(scope, powers, { metricsFor: options.metricsFor, room }));
  return app;
}

function makeServer(
  powers: Powers,
  { logLevel, logTo, tls, trustedProxies = [], isBehind = false }: AppOptions,
  limits: HttpLimits,
): App {
  const server = {
    headersTimeout: limits.headersMs,
    requestTimeout: limits.requestMs,
    connectionsCheckingInterval: limits.checkMs,
    maxHeaderSize: limits.headerBytesMax,
  };
  const { cert, key } = tls ?? {};
  const trusted = trustedProxies.length > 0 ? [...trustedProxies] : false;
  const app = Fastify({
    ...(tls === undefined
      ? { http: server }
      : { https: { ...server, cert, key, minVersion: 'TLSv1.2' as const, handshakeTimeout: limits.headersMs } }),
    loggerInstance: pino(loggerOptions(logLevel), logTo) as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }), // hooks.ts writes the lines
    trustProxy: isBehind ? (_address: string, hop: number) => hop === 0 : trusted,
    requestIdHeader: isBehind ? REQUEST_ID_HEADER : false,
    requestTimeout: limits.requestMs,
    keepAliveTimeout: limits.idleMs,
    connectionTimeout: limits.requestMs + limits.idleMs, // for one that reads no answer
    bodyLimit: jsonBytesMax,
    return503OnClosing: false, // what came before the end is answered as ever
    frameworkErrors: (error, request, reply) => void refuseError(error, request, reply, powers),
    clientErrorHandler: (error, socket) => refuseClient(error, socket, powers),
  }) as unknown as App;
  app.server.maxConnections = limits.connectionsMax;
  app.server.on('drop', () => powers.metrics.add('enaga_http_dropped_connections_total'));
  return app;
}

/** Connections made from now on get this certificate. Throws if it is none, and then nothing has changed. */
export function renewTls(app: App, { cert, key }: TlsFiles): void {
  (app.server as TlsServer).setSecureContext({ cert, key, minVersion: 'TLSv1.2' });
}
