/**
 * What no schema finds: XML Schema takes any text for an address, any number for a port and a time without a zone, and JSON's
 * take less care. Everything is looked at before it is written, so that an export is right or is not made.
 */

import { isIPv4, isIPv6 } from 'node:net';
import { DAY_MS } from '../../../common/time.ts';
import { type Meta, NETWORKS, TLPS } from './meta.ts';
import type { Row, Rows } from './row.ts';

/** What was to be exported cannot be. The message has no address in it. */
export class BadExport extends Error {
  override readonly name = 'BadExport';
}

const textLengthMax = 200;
/** Letters, digits and dots after the at-sign: it is a domain name in IODEF. */
const EMAIL = /^[^\s@<>"'&,;:()[\]\\]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/;
/** Year 9999: ISO 8601 has four digits. */
const dayMax = 2_932_896;

const demand = (holds: boolean, what: string): void => {
  if (!holds) throw new BadExport(what);
};

const isWithin = (value: number, min: number, max: number): boolean =>
  Number.isInteger(value) && value >= min && value <= max;

export function checkMeta({ day, country, revision, generatedMs, tlp, organisation }: Meta): void {
  demand(isWithin(day, 0, dayMax), 'the day is none of the years 1970 to 9999');
  demand(/^[A-Z]{2}$/.test(country), `'${country}' is no country: it takes two capital letters, like JP`);
  demand(isWithin(revision, 1, 2 ** 31), 'the revision is no number from 1');
  demand(isWithin(generatedMs, 0, (dayMax + 1) * DAY_MS), 'the time of the export is no time');
  demand(TLPS.includes(tlp), `'${tlp}' is no TLP: ${TLPS.join(', ')}`);
  const { name, email, feedCode } = organisation;
  demand(name.trim() !== '' && name.length <= textLengthMax, `the organisation needs a name of up to ${textLengthMax}`);
  demand(EMAIL.test(email), 'the contact is no e-mail address');
  demand(/^[A-Za-z0-9._-]{1,100}$/.test(feedCode), 'the feed code takes letters, digits, dot, dash and underscore');
}

const isPort = (port: number | null): boolean => port === null || isWithin(port, 0, 0xffff);
const isByte = (value: number | null): boolean => value === null || isWithin(value, 0, 0xff);

export function checkRow(row: Row, { day, country }: Meta): void {
  const startUs = day * DAY_MS * 1000;
  demand(isWithin(row.timeUs, startUs, startUs + DAY_MS * 1000 - 1), 'a row is of another day');
  demand(row.country === country || country === NETWORKS, 'a row is of another country');
  // IPv6 may have a zone ("%eth0"), which is no part of an address.
  const isAddress = row.family === 4 ? isIPv4(row.source) : isIPv6(row.source) && !row.source.includes('%');
  demand(isAddress, 'a row has a source that is no address');
  demand(isWithin(row.protocol, 0, 0xff), 'a row has no protocol');
  demand(isPort(row.sourcePort) && isPort(row.port), 'a row has a port beyond 65535');
  demand(isByte(row.type) && isByte(row.code), 'a row has an ICMP type or code beyond 255');
  demand(isWithin(row.asn, 0, 0xffffffff), 'a row has an AS number beyond 32 bits');
  demand(isByte(row.flags), 'a row has flags beyond 8 bits');
}

/** The same rows, each looked at. */
export async function* checked(rows: Rows, meta: Meta): AsyncGenerator<readonly Row[]> {
  for await (const block of rows) {
    for (const row of block) checkRow(row, meta);
    yield block;
  }
}
