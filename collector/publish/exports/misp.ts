/**
 * A MISP feed of one event, as a directory of three files:
 *
 *   UUID.json       the event: one network-connection object (template version 2) a source, and protocol where it used several,
 *                   without ip-dst; for a source in several parts (by-source.ts), one a part
 *   manifest.json   the event's uuid -> what it is about
 *   hashes.csv      MD5 of each source address and the event's uuid, a line each, so that readers find events by an address
 *
 * The event keeps its uuid in every revision, and its later timestamp has readers take it again. Ports and protocols correlate
 * with everything, so they are kept out of correlation and hashes. No attribute is for detection (`to_ids`): sources may be
 * spoofed.
 */
import { hash } from 'node:crypto';
import { bySource, type SourceSum, type TargetSum } from './by-source.ts';
import { dateOf, type Meta, senderId, type Tlp, thingId, titleOf } from './meta.ts';
import { transportName } from './protocols.ts';
import type { Rows } from './row.ts';
import { offsetTimeText } from './text.ts';

/** Text for one of several files. */
export interface Piece {
  readonly file: string;
  readonly text: string;
}

/** misp-objects, network-connection. */
const TEMPLATE = {
  name: 'network-connection',
  'meta-category': 'network',
  description: 'A local or remote network connection.',
  template_uuid: 'af16764b-f8e5-4603-9de1-de34d272f80b',
  template_version: '2',
};

/** Taxonomy tlp, version of TLP 2.0. */
const COLOURS: Record<Tlp, string> = {
  clear: '#FFFFFF',
  green: '#33FF00',
  amber: '#FFC000',
  'amber+strict': '#FFC000',
  red: '#FF2B2B',
};

/** Letters written at once; one object may have more. */
const chunkLength = 500_000;

export const MANIFEST = 'manifest.json';
export const HASHES = 'hashes.csv';
/** The event's name in a feed. */
export const eventFile = (meta: Meta): string => `${eventId(meta)}.json`;
export const eventId = (meta: Meta): string => thingId(meta, 'misp-event');

export async function* misp(rows: Rows, meta: Meta): AsyncGenerator<Piece> {
  const event = eventFile(meta);
  const head = JSON.stringify(eventOf(meta));
  yield { file: event, text: `{"Event":${head.slice(0, -1)},"Object":[` };
  yield { file: HASHES, text: '' }; // there is the file even when there is no source
  let part = 0;
  let any = false;
  for await (const sources of bySource(rows)) {
    for (const text of objectChunks(sources, meta, part)) {
      yield { file: event, text: any ? `,${text}` : text };
      any = true;
    }
    yield { file: HASHES, text: sources.map(({ source }) => `${md5(source)},${eventId(meta)}\n`).join('') };
    part++;
  }
  yield { file: event, text: '\n]}}\n' };
  yield { file: MANIFEST, text: `${JSON.stringify({ [eventId(meta)]: manifestOf(meta) })}\n` };
}

const md5 = (text: string): string => hash('md5', text);

function* objectChunks(sources: readonly SourceSum[], meta: Meta, part: number): Generator<string> {
  let chunk = '';
  for (const source of sources) {
    for (const targets of byProtocol(source)) {
      chunk += `${chunk === '' ? '' : ','}\n${JSON.stringify(objectOf(source, targets, meta, part))}`;
      if (chunk.length < chunkLength) continue;
      yield chunk;
      chunk = '';
    }
  }
  if (chunk !== '') yield chunk;
}

/** The targets of each protocol, in the order they came. */
const byProtocol = ({ targets }: SourceSum): TargetSum[][] =>
  Array.from(Map.groupBy(targets.values(), ({ protocol }) => protocol).values());

/** MISP has times in seconds, and numbers as text. */
const stampOf = ({ generatedMs }: Meta): string => String(Math.floor(generatedMs / 1000));

function manifestOf(meta: Meta) {
  return {
    Orgc: { name: meta.organisation.name, uuid: senderId(meta) },
    Tag: [
      { name: `tlp:${meta.tlp}`, colour: COLOURS[meta.tlp], local: false },
      { name: 'rsit:information-gathering="scanner"', colour: '#0088CC', local: false },
    ],
    info: titleOf(meta),
    date: dateOf(meta),
    analysis: '2', // completed
    threat_level_id: '3', // low
    timestamp: stampOf(meta),
  };
}

const eventOf = (meta: Meta) => ({
  uuid: eventId(meta),
  ...manifestOf(meta),
  publish_timestamp: stampOf(meta),
  published: true,
  Attribute: [],
});

function objectOf(source: SourceSum, targets: readonly TargetSum[], meta: Meta, part: number) {
  const { protocol, port } = targets[0]!;
  const key = [source.source, protocol, part] as const;
  const packets = targets.reduce((all, one) => all + one.packets, 0);
  const asn = source.asn === 0 ? [] : [`AS${source.asn}`];
  const about = [`${packets} packets`, ...asn, ...source.classes, ...source.tools].join('; ');
  const timestamp = stampOf(meta);
  const attribute = (relation: string, value: string, n: number, more: object) => ({
    uuid: thingId(meta, 'misp-attribute', ...key, relation, n),
    object_relation: relation,
    category: 'Network activity',
    value,
    to_ids: false,
    timestamp,
    ...more,
  });
  return {
    ...TEMPLATE,
    uuid: thingId(meta, 'misp-object', ...key),
    timestamp,
    comment: about,
    first_seen: offsetTimeText(Math.min(...extremes(targets, 'firstUs'))),
    last_seen: offsetTimeText(Math.max(...extremes(targets, 'lastUs'))),
    Attribute: [
      attribute('ip-src', source.source, 0, { type: 'ip-src', comment: '', disable_correlation: false }),
      ...targets.map((target, n) => {
        const [relation, type, value] = relationOf(target);
        return attribute(relation, value, n, { type, disable_correlation: true, ...seen(target) });
      }),
      ...(port === null
        ? []
        : [
            attribute('layer4-protocol', transportName(protocol).toUpperCase(), 0, {
              type: 'text',
              comment: '',
              disable_correlation: true,
            }),
          ]),
    ],
  };
}

/** A port; of a protocol without ports the protocol itself. */
const relationOf = ({ protocol, port }: TargetSum): [relation: string, type: string, value: string] =>
  port === null
    ? ['layer3-protocol', 'text', transportName(protocol).toUpperCase()]
    : ['dst-port', 'port', String(port)];

const seen = ({ packets, type, code, firstUs, lastUs }: TargetSum) => ({
  comment: `${type === null ? '' : `type ${type}, code ${code}; `}${packets} packets`,
  first_seen: offsetTimeText(firstUs),
  last_seen: offsetTimeText(lastUs),
});

/** The lowest and the highest of up to 65,536 values, without as many arguments. */
const extremes = (targets: readonly TargetSum[], key: 'firstUs' | 'lastUs'): [number, number] =>
  targets.reduce<[number, number]>(
    ([low, high], target) => [Math.min(low, target[key]), Math.max(high, target[key])],
    [Infinity, -Infinity],
  );
