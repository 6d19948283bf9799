/** `enaga audit`: who read raw records, and what admins did. */

import { Command, InvalidArgumentError } from 'commander';
import { DAY_MS } from '../../common/time.ts';
import { plainText } from '../publish/names.ts';
import { type AuditQuery, type MemberScope, READ_ACTION } from '../registry/members.ts';
import { dataOption } from './data.ts';
import { parseDate } from './dates.ts';
import { withMembers } from './member.ts';
import { dated, detailText } from './noted.ts';
import { reporting } from './outcome.ts';
import { isoTime, printJson, printLines, printTable } from './registry.ts';

interface Flags {
  data: string;
  all: boolean;
  by?: string;
  since?: number;
  top: number;
  json: boolean;
}

const topMax = 100_000;

const EXAMPLES = `
The newest first. A read is written down before the records leave: by the API, by a push, by enaga export, by enaga sql. What
somebody reads on the collector's own machine otherwise (the files themselves) is not in it.

Examples:
  enaga audit                                     raw records that were read
  enaga audit --by kr-csirt --since 2026-03-01
  enaga audit --all --json                        what admins did, too`;

/** The command, for the program to add. */
export function auditCommand(): Command {
  return new Command('audit')
    .description('Show who read raw records')
    .option('--all', 'also what was done to organisations, sensors, members, peers and targets', false)
    .option('--by <name>', 'only of this member or admin')
    .option('--since <date>', 'from this day on, UTC', parseDate)
    .option('--top <n>', 'entries', top, 100)
    .option('--json', 'as JSON', false)
    .addOption(dataOption())
    .addHelpText('after', EXAMPLES)
    .action(reporting('audit', showAudit));
}

function showAudit({ data, all, by, since, top: max, json }: Flags): void {
  const query: AuditQuery = {
    max,
    ...(!all && { action: READ_ACTION }),
    ...(by !== undefined && { actor: by }),
    ...(since !== undefined && { sinceMs: since * DAY_MS }),
  };
  const entries = withMembers(data, members => members.audit(query));
  if (json)
    printJson(
      entries.map(({ atMs, sensor, detail, ...entry }) => ({
        at: isoTime(atMs),
        ...entry,
        ...(sensor != null && { sensor }),
        detail: dated(detail),
      })),
    );
  else if (entries.length === 0) printLines(all ? 'nothing was done' : 'nothing was read (what was changed: --all)');
  else
    printTable(
      ['when', 'who', 'what', 'whom', 'of'],
      entries.map(({ atMs, actor, action, sensor, detail }) => {
        const { organisation, name, ...rest } = dated(detail);
        const whom = sensor ?? organisation ?? name ?? '';
        return [isoTime(atMs), actor, action, String(whom), detailText(worded(rest))].map(plainText);
      }),
    );
}

/** Without `scope` as an object: what a member may read of, or what of it was pushed, as `enaga member list` has it. */
function worded({ scope, ...rest }: Record<string, unknown>): Record<string, unknown> {
  if (typeof scope !== 'object' || scope === null || Array.isArray(scope)) return { ...rest, scope };
  const { countries = [], asns = [], prefixes = [] } = scope as Partial<MemberScope>;
  return { ...rest, scope: [...countries, ...asns.map(asn => `AS${asn}`), ...prefixes] };
}

function top(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > topMax)
    throw new InvalidArgumentError(`It takes a whole number from 1 to ${topMax}.`);
  return value;
}
