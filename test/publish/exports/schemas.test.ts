/**
 * Exports against the schemas of their standards. Those of IODEF are the RFCs', and not part of this project: IODEF_SCHEMAS names
 * a folder that has them as v1/iodef-1.0.xsd, v2/iodef-2.0.xsd and json/*.json.
 */
import { spawnSync } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { Ajv, type ValidateFunction } from 'ajv';
import ajvFormats from 'ajv-formats';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { itemLines, type Shape } from '../../../collector/publish/exports/iodef.ts';
import { TLPS, type Tlp } from '../../../collector/publish/exports/meta.ts';
import type { Rows } from '../../../collector/publish/exports/row.ts';
import { blocks, META, manyRows, metas, row } from './rows.ts';
import { eventOf, filesOf, textOf } from './run.ts';
import { MISP_EVENT, MISP_MANIFEST, STIX_BUNDLE } from './schemas.ts';

const folder = process.env.IODEF_SCHEMAS;
const hasXmllint = spawnSync('xmllint', ['--version']).error === undefined;
const noSchemas = folder === undefined ? 'IODEF_SCHEMAS names no folder' : undefined;
const noXml = noSchemas ?? (hasXmllint ? undefined : 'there is no xmllint');

/** Skipped with the reason in its name. */
const given = (missing: string | undefined) => (name: string) =>
  [missing === undefined ? name : `${name} (skipped: ${missing})`, it.skipIf(missing !== undefined)] as const;

function compile(schema: object): ValidateFunction {
  // RFC 8727's patterns escape what need not be, which the u flag forbids.
  const ajv = new Ajv({ strict: false, allErrors: true, unicodeRegExp: false });
  ajvFormats.default(ajv);
  return ajv.compile(schema);
}

const valid = (validate: ValidateFunction, text: string): unknown =>
  validate(JSON.parse(text)) ? [] : validate.errors!.slice(0, 3);

/** All kinds of rows, always the same. */
const sample = [fc.sample(row, { seed: 11, numRuns: 400 })];
const SHAPES: Shape[] = ['records', 'csv'];
const CONTENTS: [what: string, rows: Rows, tlps: readonly Tlp[]][] = [
  ['all kinds of rows', sample, TLPS],
  ['no rows', [], ['amber']],
  ['several chunks', [...manyRows(itemLines + 1)], ['amber']],
];

describe.each(SHAPES)('IODEF, %s', shape => {
  for (const version of [1, 2]) {
    const [name, test] = given(noXml)(`v${version} is valid by its XSD`);
    test(name, async () => {
      for (const [what, rows, tlps] of CONTENTS) {
        for (const tlp of tlps) {
          const text = await textOf(`iodef-v${version}`, rows, { ...META, tlp }, shape);
          expect(xmllint(version, text), `${what}, ${tlp}`).toBe('- validates\n');
        }
      }
    });
  }
  const [name, test] = given(noSchemas)('JSON is valid by its schema');
  test(name, async () => {
    for (const [what, rows, tlps] of CONTENTS) {
      for (const tlp of tlps) {
        const text = await textOf('iodef-json', rows, { ...META, tlp }, shape);
        expect(valid(iodefJsonSchema(), text), `${what}, ${tlp}`).toEqual([]);
      }
    }
  });
});

function xmllint(version: number, input: string): string {
  const schema = path.join(folder!, `v${version}`, `iodef-${version}.0.xsd`);
  return spawnSync('xmllint', ['--nonet', '--noout', '--schema', schema, '-'], { input, encoding: 'utf8' }).stderr;
}

let iodefJson: ValidateFunction | undefined;
function iodefJsonSchema(): ValidateFunction {
  if (iodefJson !== undefined) return iodefJson;
  const [file] = globSync('json/*.json', { cwd: folder! });
  // Draft 4, of which it uses only what later drafts mean alike.
  const { $schema, ...schema } = JSON.parse(readFileSync(path.join(folder!, file!), 'utf8'));
  expect($schema).toBe('http://json-schema.org/draft-04/schema#');
  iodefJson = compile(schema);
  return iodefJson;
}

const [xsdName, xsdTest] = given(noXml)('the XSDs are asked: what is wrong is found');
xsdTest(xsdName, async () => {
  for (const version of [1, 2]) {
    const text = await textOf(`iodef-v${version}`, sample, META);
    expect(xmllint(version, text.replace(/<DetectTime>.*?<\/DetectTime>/, ''))).toBe('- validates\n'); // it is optional
    expect(xmllint(version, text.replace('<Flow>', '<Flaw>').replace('</Flow>', '</Flaw>'))).toContain('fails');
    expect(xmllint(version, text.replace('purpose="reporting"', 'purpose="fun"'))).toContain('fails');
  }
});

describe('MISP', () => {
  const [event, manifest] = [compile(MISP_EVENT), compile(MISP_MANIFEST)];

  it('an event of network-connection objects, a manifest that names it, hashes that lead to it', async () => {
    await fc.assert(
      fc.asyncProperty(blocks, metas, async (blocks, meta) => {
        const files = await filesOf('misp', blocks, meta);
        const { uuid, Object: objects } = JSON.parse(eventOf(files)).Event;
        expect(valid(event, eventOf(files))).toEqual([]);
        expect(valid(manifest, files['manifest.json']!)).toEqual([]);
        expect(Object.keys(JSON.parse(files['manifest.json']!))).toEqual([uuid]);
        expect(Object.keys(files).sort()).toEqual([`${uuid}.json`, 'hashes.csv', 'manifest.json'].sort());
        const sources = new Set(blocks.flat().map(({ source }) => source));
        expect(files['hashes.csv']!.split('\n').slice(0, -1)).toHaveLength(sources.size);
        expect(files['hashes.csv']).toMatch(new RegExp(`^([0-9a-f]{32},${uuid}\n)*$`));
        const ids = objects.flatMap((one: { uuid: string; Attribute: { uuid: string }[] }) => [
          one.uuid,
          ...one.Attribute.map(attribute => attribute.uuid),
        ]);
        expect(new Set(ids).size).toBe(ids.length);
      }),
      { numRuns: 25 },
    );
  });

  it('the hash is the MD5 of the address', async () => {
    const files = await filesOf('misp', [[{ ...sample[0]![0]!, source: '192.0.2.10', family: 4 }]], META);
    expect(files['hashes.csv']).toMatch(/^70f9add596561e9e62a198c34fb2a76c,/);
  });

  it('the schema finds what is wrong', async () => {
    const text = eventOf(await filesOf('misp', sample, META));
    expect(valid(event, text.replace('"object_relation":"ip-src"', '"object_relation":"ip-dst"'))).not.toEqual([]);
    expect(valid(event, text.replace('"to_ids":false', '"to_ids":true'))).not.toEqual([]);
  });
});

describe('STIX', () => {
  const bundle = compile(STIX_BUNDLE);

  it('a bundle whose references all lead to objects in it', async () => {
    await fc.assert(
      fc.asyncProperty(blocks, metas, async (blocks, meta) => {
        const text = await textOf('stix', blocks, meta);
        expect(valid(bundle, text)).toEqual([]);
        const { objects } = JSON.parse(text);
        const ids = new Set(objects.map(({ id }: { id: string }) => id));
        const named = [...text.matchAll(/"(?:src_ref|created_by_ref)":"([^"]+)"|"(?:[a-z_]+_refs)":\[([^\]]*)\]/g)];
        const refs = named.flatMap(([, one, several]) => (one === undefined ? JSON.parse(`[${several}]`) : [one]));
        expect(refs.filter(ref => !ids.has(ref))).toEqual([]);
        const observed = objects.filter(({ type }: { type: string }) => type === 'observed-data');
        for (const one of observed) expect(one.last_observed >= one.first_observed).toBe(true);
        expect(observed).toHaveLength(new Set(blocks.flat().map(({ source }) => source)).size);
      }),
      { numRuns: 25 },
    );
  });

  it('identifiers are those the standard derives (its own example)', async () => {
    const text = await textOf('stix', [[{ ...sample[0]![0]!, source: '198.51.100.3', family: 4 }]], META);
    expect(text).toContain('"id":"ipv4-addr--28bb3599-77cd-5a82-a950-b5bc3caf07c4"');
  });

  it('the schema finds what is wrong', async () => {
    const text = await textOf('stix', sample, META);
    expect(valid(bundle, text.replace('"src_ref"', '"dst_ref"'))).not.toEqual([]);
    expect(valid(bundle, text.replace(/"number_observed":\d+/, '"number_observed":0'))).not.toEqual([]);
  });
});
