/**
 * Schemas of MISP and STIX, from their standards as far as our exports go, and closed: what is not named here is an error, so
 * a destination address has no place to stand. (MISP core format, draft-dulaunoy-misp-core-format; misp-objects,
 * network-connection version 2. STIX 2.1, OASIS Standard, parts 3.2, 4.5, 4.14, 6.)
 */

const object = (properties: Record<string, object>, optional: readonly string[] = []) => ({
  type: 'object',
  properties,
  required: Object.keys(properties).filter(name => !optional.includes(name)),
  additionalProperties: false,
});
const list = (items: object, minItems = 0) => ({ type: 'array', items, minItems });
const text = { type: 'string' };
const UUID5 = '[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}';
const uuid = { type: 'string', pattern: `^${UUID5}$` };
const literal = (value: string) => ({ const: value });

const seconds = { type: 'string', pattern: '^\\d{10}$' };
const moment = { type: 'string', pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{6}\\+00:00$' };
const about = {
  Orgc: object({ name: text, uuid }),
  Tag: list(object({ name: text, colour: { type: 'string', pattern: '^#[0-9A-F]{6}$' }, local: { const: false } }), 1),
  info: text,
  date: { type: 'string', format: 'date' },
  analysis: { enum: ['0', '1', '2'] },
  threat_level_id: { enum: ['1', '2', '3', '4'] },
  timestamp: seconds,
};

const attribute = (relation: string, type: string, value: object) =>
  object(
    {
      uuid,
      object_relation: literal(relation),
      type: literal(type),
      category: literal('Network activity'),
      value,
      to_ids: { const: false },
      timestamp: seconds,
      comment: text,
      disable_correlation: { type: 'boolean' },
      first_seen: moment,
      last_seen: moment,
    },
    ['first_seen', 'last_seen'],
  );

const PORT = '^([0-9]|[1-9][0-9]{1,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])$';

export const MISP_EVENT = object({
  Event: object({
    uuid,
    ...about,
    publish_timestamp: seconds,
    published: { const: true },
    Attribute: { type: 'array', maxItems: 0 },
    Object: list(
      object({
        name: literal('network-connection'),
        'meta-category': literal('network'),
        description: text,
        template_uuid: literal('af16764b-f8e5-4603-9de1-de34d272f80b'),
        template_version: literal('2'),
        uuid,
        timestamp: seconds,
        comment: text,
        first_seen: moment,
        last_seen: moment,
        Attribute: list(
          {
            anyOf: [
              attribute('ip-src', 'ip-src', { anyOf: [{ format: 'ipv4' }, { format: 'ipv6' }] }),
              attribute('dst-port', 'port', { type: 'string', pattern: PORT }),
              attribute('layer3-protocol', 'text', text),
              attribute('layer4-protocol', 'text', text),
            ],
          },
          2,
        ),
      }),
    ),
  }),
});

export const MISP_MANIFEST = {
  type: 'object',
  patternProperties: { [`^${UUID5}$`]: object(about) },
  additionalProperties: false,
  minProperties: 1,
};

const idOf = (type: string, version = '[1-5]') => ({
  type: 'string',
  pattern: `^${type}--${UUID5.replace('-5[', `-${version}[`)}$`,
});
const timestamp = { type: 'string', format: 'date-time', pattern: 'Z$' };
const versionTime = { type: 'string', pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z$' };
const common = (type: string) => ({ type: literal(type), spec_version: literal('2.1'), id: idOf(type) });
const marked = { object_marking_refs: list(idOf('marking-definition'), 1) };
const count = { type: 'integer', minimum: 1, maximum: 999_999_999 };
const hexByte = { type: 'string', pattern: '^[0-9a-f]{2}$' };
const belongs = { belongs_to_refs: list(idOf('autonomous-system', '5'), 1) };

const STIX_OBJECTS: Record<string, object> = {
  identity: object({
    ...common('identity'),
    created: versionTime,
    modified: versionTime,
    name: text,
    identity_class: literal('organization'),
    contact_information: text,
  }),
  'marking-definition': object({
    ...common('marking-definition'),
    created: versionTime,
    name: text,
    extensions: object({
      'extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d': object({
        extension_type: literal('property-extension'),
        tlp_2_0: { enum: ['clear', 'green', 'amber', 'amber+strict', 'red'] },
      }),
    }),
  }),
  'ipv4-addr': object({ ...common('ipv4-addr'), ...marked, value: { format: 'ipv4' }, ...belongs }, [
    'belongs_to_refs',
  ]),
  'ipv6-addr': object({ ...common('ipv6-addr'), ...marked, value: { format: 'ipv6' }, ...belongs }, [
    'belongs_to_refs',
  ]),
  'autonomous-system': object({
    ...common('autonomous-system'),
    ...marked,
    number: { type: 'integer', minimum: 1, maximum: 0xffffffff },
  }),
  'network-traffic': object(
    {
      ...common('network-traffic'),
      ...marked,
      start: timestamp,
      end: timestamp,
      src_ref: idOf('ipv[46]-addr', '5'),
      dst_port: { type: 'integer', minimum: 0, maximum: 65_535 },
      protocols: { type: 'array', items: { type: 'string', pattern: '^[a-z0-9-]+$' }, minItems: 2, maxItems: 2 },
      src_packets: count,
      extensions: object({ 'icmp-ext': object({ icmp_type_hex: hexByte, icmp_code_hex: hexByte }) }),
    },
    ['dst_port', 'extensions'],
  ),
  'observed-data': object({
    ...common('observed-data'),
    ...marked,
    created_by_ref: idOf('identity'),
    created: versionTime,
    modified: versionTime,
    labels: list(text, 1),
    first_observed: timestamp,
    last_observed: timestamp,
    number_observed: count,
    object_refs: list(idOf('(ipv4-addr|ipv6-addr|autonomous-system|network-traffic)', '5'), 2),
  }),
};

export const STIX_BUNDLE = object({
  type: literal('bundle'),
  id: idOf('bundle'),
  objects: list(
    {
      type: 'object',
      properties: { type: { enum: Object.keys(STIX_OBJECTS) } },
      required: ['type'],
      allOf: Object.entries(STIX_OBJECTS).map(([type, then]) => ({
        if: { properties: { type: literal(type) } },
        then,
      })),
    },
    1,
  ),
});
