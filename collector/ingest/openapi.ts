/** What the OpenAPI document is made of, from the routes: to each route's own schema come the problems its `config` names. */
import type { FastifyDynamicSwaggerOptions } from '@fastify/swagger';
import type { FastifySchema } from 'fastify';
import { PROBLEM_TYPE, PROBLEMS, type ProblemCode } from './problems.ts';
import { ProblemSchema } from './schemas.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Problems this resource answers with, beside what any may. */
    problems?: readonly ProblemCode[];
  }
}

export const documentOptions = (version: string): FastifyDynamicSwaggerOptions => ({
  openapi: {
    openapi: '3.1.0',
    info: {
      title: 'Enaga collector',
      description: 'What sensors say to a collector, and what readers ask it. Every refusal is a problem of RFC 9457.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      version,
    },
    components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
  },
  transform: ({ schema, url, route }) => ({
    schema: { ...schema, response: { ...answersOf(schema), ...problemResponses(route.config?.problems ?? []) } },
    url,
  }),
});

/** An answer that says nothing of itself is what the route is for. */
function answersOf(schema: (FastifySchema & { readonly summary?: string }) | undefined): Record<string, unknown> {
  const answers = (schema?.response ?? { 200: {} }) as Record<string, object>;
  const description = schema?.summary ?? '';
  return Object.fromEntries(Object.entries(answers).map(([status, answer]) => [status, { description, ...answer }]));
}

function problemResponses(problems: readonly ProblemCode[]): Record<string, unknown> {
  const byStatus = Object.groupBy(problems, code => String(PROBLEMS[code][0]));
  return Object.fromEntries(
    Object.entries(byStatus).map(([status, codes = []]) => [
      status,
      {
        description: codes.map(code => `${code}: ${PROBLEMS[code][2]}`).join('\n\n'),
        content: { [PROBLEM_TYPE]: { schema: ProblemSchema } },
      },
    ]),
  );
}
