/**
 * What is wrong with a sensor or a member that an admin describes, field by field: a code for programs and pages, which say it in
 * their reader's language, and the same in English. The registry checks again when it writes, so that two who ask at once cannot
 * both have their way.
 */
import type { Member } from '../../registry/members.ts';
import { canonicalPrefix, findOverlap } from '../../registry/networks.ts';
import type { Organisation, Sensor } from '../../registry/registry.ts';
import { isEconomy } from '../names.ts';

export interface Fault {
  /** JSON pointer into the body. */
  readonly at: string;
  readonly code: FaultCode;
  readonly message: string;
}

export const FAULTS = {
  missing: 'is wanted',
  form: 'has another form than is described',
  name: 'may have letters, digits, dots, dashes and underscores, at most 64',
  title: 'is to have 1 to 500 characters',
  taken: 'is taken: names are never used again',
  'no-organisation': 'is no organisation here: add it first',
  economy: 'is no code that ISO 3166-1 assigns, like JP',
  country: 'is no code that ISO 3166-1 assigns, like JP',
  network: 'is no network, like 192.0.2.0/24 or 2001:db8::/48',
  overlap: 'overlaps with another network of this sensor',
  observed: 'overlaps with what an active sensor observes',
  prefix: 'is no prefix, like 192.0.2.0/24 or 2001:db8::/32',
  asn: 'is no AS number: 1 to 4294967295',
  collector: 'is no address of a collector, like https://collector.example',
  member: 'is a member already: revoke it first, or give it another token',
} as const;
export type FaultCode = keyof typeof FAULTS;

export const faultAt = (at: string, code: FaultCode): Fault => ({ at, code, message: FAULTS[code] });

const NAME = /^[A-Za-z0-9._-]{1,64}$/;
const ORIGIN = /^https?:\/\/(?:[A-Za-z0-9.-]{1,253}|\[[0-9a-fA-F:.]{2,45}\])(?::\d{1,5})?$/;
const asnMax = 2 ** 32 - 1;

export interface SensorBody {
  readonly name: string;
  readonly owner: string;
  readonly economy: string;
  readonly networks: readonly string[];
  readonly collector?: string;
}

/** The order of the fields. */
export function sensorFaults(
  { name, owner, economy, networks, collector }: SensorBody,
  known: { readonly sensors: readonly Sensor[]; readonly organisations: readonly Organisation[] },
): Fault[] {
  return [
    ...nameFaults('/name', name, known.sensors),
    ...ownerFaults('/owner', owner, known.organisations),
    ...(isEconomy(economy) ? [] : [faultAt('/economy', 'economy')]),
    ...networkFaults(networks, known.sensors),
    ...(collector === undefined || isOrigin(collector) ? [] : [faultAt('/collector', 'collector')]),
  ];
}

/** Nothing but scheme, host and port: it is pasted into a shell. */
export const isOrigin = (text: string): boolean => ORIGIN.test(text) && URL.canParse(text);

function nameFaults(at: string, name: string, taken: readonly { readonly name: string }[]): Fault[] {
  if (name === '') return [faultAt(at, 'missing')];
  if (!NAME.test(name)) return [faultAt(at, 'name')];
  return taken.some(one => one.name === name) ? [faultAt(at, 'taken')] : [];
}

function ownerFaults(at: string, owner: string, organisations: readonly Organisation[]): Fault[] {
  if (owner === '') return [faultAt(at, 'missing')];
  return organisations.some(({ name }) => name === owner) ? [] : [faultAt(at, 'no-organisation')];
}

function networkFaults(networks: readonly string[], sensors: readonly Sensor[]): Fault[] {
  if (networks.length === 0) return [faultAt('/networks', 'missing')];
  const observed = sensors.filter(({ revokedMs }) => revokedMs === null).flatMap(sensor => sensor.networks);
  const before: string[] = [];
  return networks.flatMap((text, n): Fault[] => {
    const at = `/networks/${n}`;
    const prefix = prefixOf(text);
    if (prefix === undefined) return [faultAt(at, 'network')];
    const twice = findOverlap([prefix], before) !== undefined;
    before.push(prefix);
    if (twice) return [faultAt(at, 'overlap')];
    return findOverlap([prefix], observed) === undefined ? [] : [faultAt(at, 'observed')];
  });
}

function prefixOf(text: string): string | undefined {
  try {
    return canonicalPrefix(text);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return undefined;
  }
}

export interface MemberBody {
  readonly organisation: string;
  readonly countries?: readonly string[];
  readonly asns?: readonly number[];
  readonly prefixes?: readonly string[];
}

export function memberFaults(
  { organisation, countries = [], asns = [], prefixes = [] }: MemberBody,
  known: { readonly members: readonly Member[]; readonly organisations: readonly Organisation[] },
): Fault[] {
  const isMember = known.members.some(one => one.organisation === organisation && one.revokedMs === null);
  return [
    ...ownerFaults('/organisation', organisation, known.organisations),
    ...(isMember ? [faultAt('/organisation', 'member')] : []),
    ...eachWrong('/countries', countries, isEconomy, 'country'),
    ...eachWrong('/asns', asns, asn => Number.isInteger(asn) && asn >= 1 && asn <= asnMax, 'asn'),
    ...eachWrong('/prefixes', prefixes, text => prefixOf(text) !== undefined, 'prefix'),
  ];
}

const eachWrong = <Value>(
  at: string,
  values: readonly Value[],
  isRight: (value: Value) => boolean,
  code: FaultCode,
): Fault[] => values.flatMap((value, n) => (isRight(value) ? [] : [faultAt(`${at}/${n}`, code)]));

export function organisationFaults(
  { name, title }: { readonly name: string; readonly title?: string },
  known: readonly Organisation[],
): Fault[] {
  return [...nameFaults('/name', name, known), ...(title?.trim() === '' ? [faultAt('/title', 'title')] : [])];
}
