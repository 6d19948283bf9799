/** GET /v1/days/DATE/allocations: what a country's sources are to be compared with. Nothing of it was observed: it is for everyone. */
import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { allocatedIpv4 } from '../../../common/geo/table.ts';
import type { DayRoutePowers } from './day-routes.ts';
import type { Row } from './formats.ts';
import { known, listRoute, storeOf, viewFor } from './listing.ts';
import { DATE_PATTERN, parseDay } from './names.ts';

export function allocationRoutes(app: FastifyInstance, { powers, figures }: DayRoutePowers): void {
  /** By geography: each is gone through once. */
  const counted = new Map<string, Row[]>();
  listRoute(app, {
    url: '/v1/days/:date/allocations',
    summary: "IPv4 addresses allocated to each country, by the day's database of countries",
    params: { date: Type.String({ pattern: `^${DATE_PATTERN}$`, description: 'UTC, YYYY-MM-DD' }) },
    head: { geo: Type.String({ description: 'database of countries' }), built: Type.String() },
    row: {
      country: Type.String({ description: 'ISO 3166-1 alpha-2' }),
      addresses: Type.Integer({ minimum: 1 }),
    },
    problems: ['no-day'],
    answer: question => {
      const view = viewFor(question, { what: 'total' }, powers, 'whole', 'guarded');
      const store = storeOf(powers);
      const day = known(parseDay(question.params.date!), 'query', 'date');
      const { geo } = known(figures().day(view, day), 'no-day');
      const sha256 = store.geoOf(day)!;
      let rows = counted.get(sha256);
      if (rows === undefined) {
        const allocated = [...allocatedIpv4(powers.geographies.named(sha256))];
        rows = allocated.map(([country, addresses]) => ({ country, addresses })).sort(byCode);
        counted.set(sha256, rows);
      }
      return { head: { geo: geo.name, built: geo.built }, rows };
    },
  });
}

const byCode = (x: { readonly country: string }, y: { readonly country: string }): number =>
  x.country < y.country ? -1 : 1;
