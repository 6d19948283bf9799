/**
 * What the collector tells others, as a plugin of a server like the one that takes batches (ingest/app.ts), in a thread of its
 * own (commands/reading-thread.ts). Roles: ../roles/roles.ts; formats: formats.ts; problems: problems.ts; document:
 * ../document/.
 */
import type { FastifyError, FastifyInstance } from 'fastify';
import { adminLists, readerRoute } from './admin-lists.ts';
import type { AdminPowers } from './admin-powers.ts';
import { changeRoutes } from './admin-routes.ts';
import { allocationRoutes } from './allocation-routes.ts';
import { addReaders, BUDGETS, type Budgets } from './auth.ts';
import { dayRoutes } from './day-routes.ts';
import { Figures } from './figures.ts';
import { storeOf } from './listing.ts';
import { peerRoutes } from './peer-routes.ts';
import { refuseParameters } from './problems.ts';
import type { ReadPowers } from './read-powers.ts';
import { recordRoutes } from './record-routes.ts';
import { addSending } from './sending.ts';
import { splitRoutes } from './split-routes.ts';
import { subjectRoutes } from './subject-routes.ts';
import { trendRoutes } from './trend-routes.ts';

export interface ReadOptions {
  readonly budgets?: Budgets;
  /** What admins do; without it, nobody administers over HTTP. */
  readonly admin?: AdminPowers;
}

/** To be registered on a server that does not listen yet: `app.register(async scope => readRoutes(scope, powers))`. */
export function readRoutes(
  app: FastifyInstance,
  powers: ReadPowers,
  { budgets = BUDGETS, admin }: ReadOptions = {},
): void {
  addReaders(app, powers, budgets);
  addSending(app);
  app.setErrorHandler((error: FastifyError, _request, reply) => {
    if (error.code !== 'FST_ERR_VALIDATION') throw error; // as for every other route
    return refuseParameters(reply, error);
  });
  let figures: Figures | undefined;
  const figuresNow = (): Figures => {
    figures ??= new Figures(storeOf(powers), () => powers.registry.placements());
    return figures;
  };
  dayRoutes(app, { powers, figures: figuresNow });
  trendRoutes(app, { powers, figures: figuresNow });
  allocationRoutes(app, { powers, figures: figuresNow });
  splitRoutes(app, { powers, figures: figuresNow });
  subjectRoutes(app, { powers, figures: figuresNow });
  peerRoutes(app, { powers, figures: figuresNow });
  recordRoutes(app, powers);
  readerRoute(app);
  if (admin === undefined) return;
  adminLists(app, powers, admin);
  app.register(async scope => changeRoutes(scope, powers, admin));
}
