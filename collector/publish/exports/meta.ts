/** What an export says beside its rows: of which day and country, from whom, how it may be shared. All of it is handed in. */

import { hash } from 'node:crypto';
import { DAY_MS } from '../../../common/time.ts';

/** TLP 2.0, from the least to the most restricted. */
export const TLPS = ['clear', 'green', 'amber', 'amber+strict', 'red'] as const;
export type Tlp = (typeof TLPS)[number];
/** Where nobody says how far it may go. */
export const tlpDefault: Tlp = 'amber';

export interface Organisation {
  readonly name: string;
  readonly email: string;
  /** Short, names the feed to those who get several. */
  readonly feedCode: string;
}

/** Who sends exports, and how they may be shared. */
export interface Sender {
  readonly organisation: Organisation;
  readonly tlp: Tlp;
}

export interface Meta {
  /** Days since 1970, UTC. */
  readonly day: number;
  /** Of all the rows; or `NETWORKS`. */
  readonly country: string;
  /** With `NETWORKS`, whose they are. */
  readonly member?: string;
  /** From 1. */
  readonly revision: number;
  /** When the contents came to be, milliseconds since 1970: the same contents have the same. */
  readonly generatedMs: number;
  readonly tlp: Tlp;
  readonly organisation: Organisation;
}

const isoDate = (day: number): string => new Date(day * DAY_MS).toISOString().slice(0, 'YYYY-MM-DD'.length);

export const dateOf = ({ day }: Meta): string => isoDate(day);
/** The day's first moment and the next day's, ISO 8601. */
export const startOf = ({ day }: Meta): string => `${isoDate(day)}T00:00:00Z`;
export const endOf = ({ day }: Meta): string => `${isoDate(day + 1)}T00:00:00Z`;
export const generatedOf = ({ generatedMs }: Meta): string => new Date(generatedMs).toISOString();

/** The right part of the contact's address: a name of the sender that nobody else has (RFC 7970, 3.4). */
export const domainOf = ({ organisation }: Meta): string =>
  organisation.email.slice(organisation.email.lastIndexOf('@') + 1);

/** In the place of a country: rows of a member's AS numbers and prefixes. (ISO 3166-1 leaves ZZ to its users.) */
export const NETWORKS = 'ZZ';

const placeOf = ({ country, member }: Meta): string =>
  country === NETWORKS ? `networks of ${member ?? 'several'}` : country;

/** One line for people. */
export const titleOf = (meta: Meta): string =>
  `TLP:${meta.tlp.toUpperCase()} Scans from ${placeOf(meta)} on ${dateOf(meta)}, seen by ${meta.organisation.name}`;

/** The files' names begin with it. */
export const stemOf = (meta: Meta): string => `${dateOf(meta)}-${meta.country}`;

/** Namespace of the identifiers below: random, and never to change. */
const NAMESPACE = 'd1b6ac0e-53e0-4e0c-9a3b-2f86d7c1f0a4';

/** RFC 9562 5.5: the same name in the same namespace is the same UUID. */
export function uuid5(namespace: string, name: string): string {
  const space = Buffer.from(namespace.replaceAll('-', ''), 'hex');
  const digest = hash('sha1', Buffer.concat([space, Buffer.from(name)]), 'hex');
  const variant = ((Number.parseInt(digest[16]!, 16) & 0x3) | 0x8).toString(16);
  const hex = `${digest.slice(0, 12)}5${digest.slice(13, 16)}${variant}${digest.slice(17, 32)}`;
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

const senders = new WeakMap<Organisation, string>();

/** The sender, the same in all its exports. */
export function senderId({ organisation }: Meta): string {
  const known = senders.get(organisation);
  if (known !== undefined) return known;
  const { name, email, feedCode } = organisation;
  const id = uuid5(NAMESPACE, JSON.stringify(['sender', name, email, feedCode]));
  senders.set(organisation, id); // it is asked for with every identifier
  return id;
}

/**
 * A thing of this sender, day and country. The same in every revision: consumers replace what they have by what has the same
 * identifier and a later time.
 */
export const thingId = (meta: Meta, ...what: (string | number)[]): string =>
  uuid5(NAMESPACE, JSON.stringify([senderId(meta), dateOf(meta), placeOf(meta), ...what]));

/** This export itself, another one in every revision. */
export const exportId = (meta: Meta): string => thingId(meta, 'export', meta.revision);
