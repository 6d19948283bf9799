/**
 * A STIX 2.1 bundle: the sender, the TLP marking, and for each source (by-source.ts: for each part of the rows it is in) its
 * address, its autonomous system, a network-traffic object a target (`src_ref` and the port; no `dst_ref`) and one
 * observed-data that names them all.
 *
 * Identifiers of addresses, systems and traffic are those the standard derives from their contents; an observed-data is the
 * same in every revision, `modified` tells them apart.
 */
import { DAY_MS } from '../../../common/time.ts';
import { bySource, type SourceSum, type TargetSum } from './by-source.ts';
import { exportId, generatedOf, type Meta, NETWORKS, senderId, type Tlp, thingId, uuid5 } from './meta.ts';
import { transportName } from './protocols.ts';
import type { Rows } from './row.ts';
import { timeText } from './text.ts';

/** STIX 2.1, 2.9: of identifiers made from contents. */
const SCO_NAMESPACE = '00abedb4-aa42-466c-9c01-fed23315a9b7';

/** TLP 2.0 came after STIX 2.1: OASIS published these (cti-stix-common-objects, tlp-2.0). */
const TLP_EXTENSION = 'extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d';
const TLP_MARKINGS: Record<Tlp, string> = {
  clear: 'marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487',
  green: 'marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb',
  amber: 'marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421',
  'amber+strict': 'marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003',
  red: 'marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1',
};

/** An identity is the same in all bundles, and so is its date: the first day of this format. */
const IDENTITY_CREATED = '2026-01-01T00:00:00.000Z';

/** Objects written at once. */
const chunkObjects = 1024;

export async function* stix(rows: Rows, meta: Meta): AsyncGenerator<string> {
  yield `{"type":"bundle","id":"bundle--${exportId(meta)}","objects":[\n`;
  yield `${JSON.stringify(identityOf(meta))},\n${JSON.stringify(markingOf(meta.tlp))}`;
  let part = 0;
  for await (const sources of bySource(rows)) {
    yield* chunksOf(sources, meta, part);
    part++;
  }
  yield '\n]}\n';
}

function* chunksOf(sources: readonly SourceSum[], meta: Meta, part: number): Generator<string> {
  let chunk = '';
  let count = 0;
  for (const source of sources) {
    for (const object of objectsOf(source, meta, part)) {
      chunk += `,\n${JSON.stringify(object)}`;
      if (++count % chunkObjects !== 0) continue;
      yield chunk;
      chunk = '';
    }
  }
  yield chunk;
}

function identityOf(meta: Meta) {
  const { name, email } = meta.organisation;
  return {
    type: 'identity',
    spec_version: '2.1',
    id: identityId(meta),
    created: IDENTITY_CREATED,
    modified: IDENTITY_CREATED,
    name,
    identity_class: 'organization',
    contact_information: email,
  };
}

const identityId = (meta: Meta): string => `identity--${senderId(meta)}`;

const markingOf = (tlp: Tlp) => ({
  type: 'marking-definition',
  spec_version: '2.1',
  id: TLP_MARKINGS[tlp],
  created: '2022-10-01T00:00:00.000Z',
  name: `TLP:${tlp.toUpperCase()}`,
  extensions: { [TLP_EXTENSION]: { extension_type: 'property-extension', tlp_2_0: tlp } },
});

/** An observable: `contributing` are the properties its identifier is made from, their keys sorted (RFC 8785). */
function observable(type: string, meta: Meta, contributing: object, more: object = {}) {
  const id = `${type}--${uuid5(SCO_NAMESPACE, JSON.stringify(contributing))}`;
  return { type, spec_version: '2.1', id, object_marking_refs: [TLP_MARKINGS[meta.tlp]], ...contributing, ...more };
}

function* objectsOf(source: SourceSum, meta: Meta, part: number) {
  const system = source.asn === 0 ? undefined : observable('autonomous-system', meta, { number: source.asn });
  const address = observable(
    `ipv${source.family}-addr`,
    meta,
    { value: source.source },
    system && { belongs_to_refs: [system.id] },
  );
  const refs = [address.id];
  yield address;
  if (system !== undefined) {
    refs.push(system.id);
    yield system;
  }
  for (const target of source.targets.values()) {
    const traffic = trafficOf(source, target, address.id, meta);
    refs.push(traffic.id);
    yield traffic;
  }
  yield {
    type: 'observed-data',
    spec_version: '2.1',
    id: `observed-data--${thingId(meta, 'source', source.source, part)}`,
    created_by_ref: identityId(meta),
    created: new Date((meta.day + 1) * DAY_MS).toISOString(),
    modified: generatedOf(meta),
    object_marking_refs: [TLP_MARKINGS[meta.tlp]],
    labels: [
      ...source.classes,
      ...source.tools,
      ...(meta.country === NETWORKS ? [] : [`source-country:${meta.country}`]),
    ],
    first_observed: timeText(source.firstUs),
    last_observed: timeText(source.lastUs),
    number_observed: source.packets,
    object_refs: refs,
  };
}

const hex = (value: number): string => value.toString(16).padStart(2, '0');

function trafficOf(source: SourceSum, target: TargetSum, address: string, meta: Meta) {
  const { protocol, port, type, code } = target;
  const contributing = {
    ...(port !== null && { dst_port: port }),
    end: timeText(target.lastUs),
    ...(type !== null && { extensions: { 'icmp-ext': { icmp_code_hex: hex(code!), icmp_type_hex: hex(type) } } }),
    protocols: [`ipv${source.family}`, transportName(protocol)],
    src_ref: address,
    start: timeText(target.firstUs),
  };
  return observable('network-traffic', meta, contributing, { src_packets: target.packets });
}
