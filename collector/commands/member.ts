/** `enaga member`: organisations that may read what the public may not. */

import { Command, InvalidArgumentError, Option } from 'commander';
import { DAY_MS, HOUR_MS } from '../../common/time.ts';
import { type Member, Members } from '../registry/members.ts';
import { dataOption, dataPaths, existingData } from './data.ts';
import { reporting } from './outcome.ts';
import { addExamples, isoTime, printJson, printLines, printTable, userName } from './registry.ts';
import { servedUrl } from './served.ts';

const ABOUT = `
A member reads all aggregates, raw records without destination of sources in its countries, AS numbers and prefixes, and raw
records with destination of its own sensors. An admin reads everything. Each read of raw records is in enaga audit. Whoever is to be
a member must be an organisation first (enaga org add), whether it has sensors or not.

A token is shown once; the collector keeps only its SHA-256. To have other countries, AS numbers or prefixes, a member is revoked
and added again.`;

const EXAMPLES = {
  add: [
    'add kr-csirt --country KR --prefix 2001:db8::/32',
    'add example-isp --asn 64496 64497',
    'add operator --role admin --days 90     # after enaga org add operator: signs in to the pages, and runs them',
  ],
  rotate: ['rotate kr-csirt --overlap 24'],
  list: ['list'],
  show: ['show kr-csirt'],
  revoke: ['revoke kr-csirt'],
};

const daysMax = 3650;
const auditShown = 20;

interface AddFlags {
  data: string;
  role: 'member' | 'admin';
  country: string[];
  asn: number[];
  prefix: string[];
  days: number;
  json: boolean;
}
interface Flags {
  data: string;
  json: boolean;
}

/** The command, for the program to add. */
export function memberCommand(): Command {
  const member = new Command('member')
    .description('Organisations that may read what the public may not')
    .exitOverride() // before its own commands are made, which take it over: wrong usage is exit code 2 everywhere
    .addHelpText('after', ABOUT);
  const named = (verb: string, description: string) =>
    withJson(member.command(verb).description(description).argument('<org>', 'name of the organisation'));
  named('add', 'Make an organisation a member and print its token')
    .addOption(new Option('--role <role>', 'what it is').choices(['member', 'admin']).default('member'))
    .option('--country <cc...>', 'countries whose sources it may read of', [])
    .addOption(new Option('--asn <n...>', 'AS numbers').argParser(asns).default([]))
    .option('--prefix <cidr...>', 'prefixes', [])
    .option('--days <n>', 'for how long the token is good', days, 365)
    .action(reporting('member add', addMember));
  named('rotate', 'Print another token of a member')
    .option('--days <n>', 'for how long the token is good', days, 365)
    .option('--overlap <hours>', 'for how long the old one is good beside it', hours, 24)
    .action(reporting('member rotate', rotateMember));
  withJson(member.command('list').description('List all members')).action(reporting('member list', listMembers));
  named('show', 'Show what a member may read, and what it read last').action(reporting('member show', showMember));
  named('revoke', "Void a member's tokens at once").action(reporting('member revoke', revokeMember));
  addExamples(member, EXAMPLES);
  return member;
}

const withJson = (command: Command): Command => command.option('--json', 'as JSON', false).addOption(dataOption());

export function withMembers<T>(dir: string, use: (members: Members) => T): T {
  const members = Members.open(existingData(dir).registry, { actor: userName() });
  try {
    return use(members);
  } finally {
    members.close();
  }
}

function addMember(organisation: string, flags: AddFlags): void {
  const { data, role, country: countries, asn, prefix: prefixes } = flags;
  const times = { expiresInMs: flags.days * DAY_MS };
  const added = withMembers(data, members =>
    members.add({ organisation, role, countries, asns: asn, prefixes }, Date.now(), times),
  );
  printToken(added, flags);
}

function rotateMember(organisation: string, flags: Flags & { days: number; overlap: number }): void {
  const times = { expiresInMs: flags.days * DAY_MS, overlapMs: flags.overlap * HOUR_MS };
  printToken(
    withMembers(flags.data, members => members.rotate(organisation, Date.now(), times)),
    flags,
  );
}

function printToken({ member, token }: { member: Member; token: string }, { data, json }: Flags): void {
  if (json) {
    printJson({ ...told(member), token });
    return;
  }
  const url = servedUrl(dataPaths(data)) ?? 'URL';
  printLines(
    ...described(member),
    '',
    `token    ${token}`,
    '         shown once. Keep it in a file that only its reader can read; then, each day:',
    `         enaga pull --collector ${url} --token-file FILE --out DIR`,
    `         and in a browser it signs in at ${url}/sign-in`,
  );
}

function listMembers({ data, json }: Flags): void {
  const members = withMembers(data, one => one.list());
  if (json) printJson(members.map(told));
  else if (members.length === 0) printLines('no member yet: enaga member add ORG');
  else listTable(members);
}

const listTable = (members: readonly Member[]): void =>
  printTable(
    ['name', 'role', 'reads sources of', 'token until'],
    members.map(one => [one.organisation, one.role, scopeText(one), untilText(one)]),
  );

function showMember(organisation: string, { data, json }: Flags): void {
  const { member, reads } = withMembers(data, members => ({
    member: members.existing(organisation),
    reads: members.audit({ actor: organisation, max: auditShown }),
  }));
  if (json) {
    const done = reads.map(({ atMs, action, detail }) => ({ at: isoTime(atMs), action, detail: JSON.parse(detail) }));
    printJson({ ...told(member), reads: done });
    return;
  }
  printLines(...described(member));
  if (reads.length > 0) printLines('', 'read last:');
  if (reads.length > 0)
    printTable(
      ['when', 'what', 'of'],
      reads.map(({ atMs, action, detail }) => [isoTime(atMs), action, detail]),
    );
}

function revokeMember(organisation: string, { data, json }: Flags): void {
  const member = withMembers(data, members => members.revoke(organisation, Date.now()));
  if (json) printJson(told(member));
  else printLines(`member ${organisation} is revoked`);
}

const told = ({ createdMs, revokedMs, expiresMs, ...rest }: Member) => ({
  ...rest,
  created: isoTime(createdMs),
  revoked: isoTime(revokedMs),
  expires: isoTime(expiresMs),
});

const described = (member: Member): string[] => [
  `member   ${member.organisation} (${member.role})`,
  `sources  ${scopeText(member)}`,
  `until    ${untilText(member)}`,
];

function scopeText({ role, countries, asns, prefixes }: Member): string {
  if (role === 'admin') return 'all';
  return [...countries, ...asns.map(asn => `AS${asn}`), ...prefixes].join(' ') || 'none';
}

const untilText = ({ revokedMs, expiresMs }: Member): string =>
  revokedMs === null ? (isoTime(expiresMs) ?? 'no token') : `revoked ${isoTime(revokedMs)}`;

function asns(text: string, before: number[] = []): number[] {
  const [, number] = /^(?:AS)?(\d{1,10})$/i.exec(text) ?? [];
  if (number === undefined) throw new InvalidArgumentError('It takes AS numbers, like 64496.');
  return [...before, Number(number)];
}

function days(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > daysMax)
    throw new InvalidArgumentError(`It takes whole days, 1 to ${daysMax}.`);
  return value;
}

function hours(text: string): number {
  const value = Number(text);
  if (!/^\d{1,4}$/.test(text)) throw new InvalidArgumentError('It takes whole hours, 0 to 9999.');
  return value;
}
