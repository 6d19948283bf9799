/** What is refused to an admin beside problems.ts, as problems of RFC 9457: faults name their fields, so that a form can say them there. */
import type { FastifyError, FastifyReply } from 'fastify';
import { Type } from 'typebox';
import { PROBLEM_TYPE } from '../../ingest/problems.ts';
import { FAULTS, type Fault, faultAt } from './admin-checks.ts';
import { PROBLEM_FIELDS } from './problems.ts';

/** code: [status, title, detail]. */
const ADMIN_PROBLEMS = {
  fields: [422, 'Cannot be done', 'Each of errors names a field of the body and says what is wrong with it.'],
  'no-sensor': [404, 'No such sensor', 'There is no sensor of this name that is not revoked.'],
  'no-member': [404, 'No such member', 'There is no member of this name that is not revoked.'],
  own: [409, 'Your own', 'An admin cannot shut itself out: another admin, or enaga member revoke, can.'],
  changed: [409, 'Changed meanwhile', 'Somebody else changed the registry at this moment: look, and ask again.'],
} as const satisfies Record<string, readonly [status: number, title: string, detail: string]>;

export type AdminProblem = keyof typeof ADMIN_PROBLEMS;

const faultsMax = 32;

export function refuseAdmin(reply: FastifyReply, code: AdminProblem, faults: readonly Fault[] = []): FastifyReply {
  const [status, title, detail] = ADMIN_PROBLEMS[code];
  const errors = faults.length === 0 ? {} : { errors: faults.slice(0, faultsMax) };
  return reply
    .code(status)
    .header('cache-control', 'no-store')
    .type(PROBLEM_TYPE)
    .serializer(String)
    .send(JSON.stringify({ type: `urn:enaga:problem:${code}`, title, status, detail, ...errors }));
}

/** A body that has not the form that is described. Names that are none of ours are not said back. */
export function refuseBody(reply: FastifyReply, { validation = [] }: FastifyError): FastifyReply {
  const { properties = {} } = (reply.request.routeOptions.schema?.body ?? {}) as { properties?: object };
  const faults = validation.flatMap(({ instancePath, params }): Fault[] => {
    const wanted = (params as { requiredProperties?: unknown }).requiredProperties;
    if (Array.isArray(wanted)) return wanted.map(name => faultAt(`/${name}`, 'missing'));
    const [, field = ''] = instancePath.split('/');
    return [faultAt(Object.hasOwn(properties, field) ? instancePath : '', 'form')];
  });
  return refuseAdmin(reply, 'fields', faults);
}

const Problem = Type.Object({
  ...PROBLEM_FIELDS,
  errors: Type.Optional(
    Type.Array(
      Type.Object({
        at: Type.String({ description: 'JSON pointer into the body' }),
        code: Type.Union(
          Object.keys(FAULTS).map(code => Type.Literal(code)),
          { description: 'what is wrong, for programs' },
        ),
        message: Type.String(),
      }),
    ),
  ),
});

/** For a route's `response`. */
export const adminResponses = (codes: readonly AdminProblem[]): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(Object.groupBy(codes, code => String(ADMIN_PROBLEMS[code][0]))).map(([status, same = []]) => [
      status,
      {
        description: same.map(code => `${code}: ${ADMIN_PROBLEMS[code][2]}`).join('\n\n'),
        content: { [PROBLEM_TYPE]: { schema: Problem } },
      },
    ]),
  );
