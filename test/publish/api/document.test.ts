/** The document of the API: whole in both languages, served in the reader's, and what it says to do works as it stands there. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { promisify } from 'node:util';
import zlib from 'node:zlib';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { pullCommand } from '../../../collector/commands/pull.ts';
import { PLACEHOLDER } from '../../../collector/publish/document/daily.ts';
import { JAPANESE } from '../../../collector/publish/document/document.ts';
import { FIELDS } from '../../../collector/publish/document/fields.ts';
import { GROUPS } from '../../../collector/publish/document/groups.ts';
import { runCommand } from '../../support/admin.ts';
import { DATES, FIRST_DAY, makeSite, type Site } from './support.ts';

const execute = promisify(execFile);

type Json = Record<string, unknown>;

let site: Site;
let url: string;
let english: Json;
let japanese: Json;
/** As the routes make it, with nothing added. */
let plain: Json;
beforeAll(async () => {
  // Nothing is administered here, but its routes are in the document.
  const admin = {
    as: () => expect.fail(),
    look: () => expect.fail(),
    activity: () => new Map(),
    heard: () => undefined,
  };
  site = await makeSite({ admin });
  await site.app.listen({ host: '127.0.0.1', port: 0 });
  url = `http://127.0.0.1:${(site.app.server.address() as AddressInfo).port}`;
  english = (await site.get('/v1/openapi.json')).json();
  japanese = (await site.get('/v1/openapi.json?lang=ja')).json();
  plain = JSON.parse(JSON.stringify(site.app.swagger()));
});
afterAll(() => site.close());

interface Said {
  /** Keys down to it. */
  readonly at: string;
  readonly text: string;
}

/** Every summary and description below `part`. */
function textsOf(part: unknown, at = ''): Said[] {
  if (part === null || typeof part !== 'object') return [];
  return Object.entries(part).flatMap(([key, value]) =>
    typeof value === 'string'
      ? key === 'summary' || key === 'description'
        ? [{ at: `${at}/${key}`, text: value }]
        : []
      : textsOf(value, `${at}/${key}`),
  );
}

/** Fields and parameters, with their descriptions. */
function namedIn(part: unknown): { readonly name: string; readonly description: unknown }[] {
  if (part === null || typeof part !== 'object') return [];
  const own = part as { properties?: Record<string, Json>; in?: unknown; name?: string; description?: unknown };
  const fields = Object.entries(own.properties ?? {}).map(([name, { description }]) => ({ name, description }));
  const parameter = typeof own.in === 'string' ? [{ name: own.name!, description: own.description }] : [];
  return [...fields, ...parameter, ...Object.values(part).flatMap(namedIn)];
}

const operationsOf = ({ paths }: Json) =>
  Object.entries(paths as Record<string, Record<string, Json>>).flatMap(([at, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ route: `${method} ${at}`, operation })),
  );

const IS_JAPANESE = /[\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Han}]/u;
/** The same in every language: columns of CSV, a sum of fields. */
const IS_NOTATION = /^RFC 4180: [A-Za-z0-9,]+$/;

const without = (part: unknown): unknown =>
  JSON.parse(JSON.stringify(part), (key, value) =>
    (key === 'summary' || key === 'description' || key === 'title') && typeof value === 'string' ? undefined : value,
  );

describe('both languages', () => {
  test('every text has its Japanese, paragraph by paragraph', () => {
    const texts = textsOf({ ...japanese, info: {} });
    expect(texts.length).toBeGreaterThan(500);
    const left = texts.filter(({ text }) =>
      text.split('\n\n').some(one => !IS_JAPANESE.test(one) && !IS_NOTATION.test(one)),
    );
    expect(left).toEqual([]);
  });

  test('no Japanese is of a text that is no longer there', () => {
    const paragraphs = new Set(textsOf(plain.paths).flatMap(({ text }) => text.split('\n\n')));
    const coded = new Set([...paragraphs].map(text => text.replace(/^[a-z][a-z0-9-]*: /, '')));
    expect([...JAPANESE.keys()].filter(text => !paragraphs.has(text) && !coded.has(text))).toEqual([]);
    const unsaid = new Set(namedIn(plain.paths).flatMap(one => (one.description === undefined ? [one.name] : [])));
    expect(Object.keys(FIELDS).filter(name => !unsaid.has(name))).toEqual([]);
  });

  test('differ in what is said alone', () => {
    expect(without(japanese)).toEqual(without(english));
    expect(textsOf(japanese).map(({ at }) => at)).toEqual(textsOf(english).map(({ at }) => at));
  });

  test('every route has its place, a name and a summary; every field and parameter says what it is', () => {
    const operations = operationsOf(english);
    expect(operations.length).toBeGreaterThan(45);
    const groups = operations.map(({ route }) => GROUPS.filter(({ has }) => has.test(route)).map(({ name }) => name));
    expect(groups.filter(({ length }) => length === 0)).toEqual([]);
    expect(operations.map(({ operation }) => operation.tags)).toEqual(groups.map(([first]) => [first]));
    expect(GROUPS.filter(({ name }) => !groups.some(([first]) => first === name))).toEqual([]);
    expect(new Set(operations.map(({ operation }) => operation.operationId)).size).toBe(operations.length);
    expect(operations.filter(({ operation }) => !operation.summary)).toEqual([]);
    expect(namedIn(english).filter(({ description }) => !description)).toEqual([]);
    expect(textsOf(english).filter(({ text }) => text === 'Default Response' || text === '')).toEqual([]);
  });

  test('the sections are the same in both, with the figures that are in force', () => {
    const [en, ja] = [english, japanese].map(one => (one.info as { description: string }).description);
    const count = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].length;
    for (const pattern of [/^## /gm, /^- /gm, /^```$/gm, /^\| /gm]) {
      expect(count(ja!, pattern)).toBe(count(en!, pattern));
      expect(count(en!, pattern)).toBeGreaterThan(5);
    }
    for (const text of [en!, ja!])
      for (const part of [
        'enaga pull',
        'sha256sum',
        'ETag',
        'Retry-After',
        'Authorization: Bearer',
        '100000',
        'cursor',
      ])
        expect(text).toContain(part);
  });
});

describe('served', () => {
  test('in the language that is asked for, or that the reader likes better, to anyone', async () => {
    const told = async (target: string, accepted?: string) => {
      const headers = accepted === undefined ? {} : { 'accept-language': accepted };
      const { statusCode, headers: sent } = await site.get(target, 'enaga_none', { headers });
      return [statusCode, sent['content-language'] ?? null, sent.vary];
    };
    const vary = 'accept-language, accept-encoding';
    expect(await told('/v1/openapi.json')).toEqual([200, 'en', vary]);
    expect(await told('/v1/openapi.json', 'ja-JP,en;q=0.5')).toEqual([200, 'ja', vary]);
    expect(await told('/v1/openapi.json?lang=en', 'ja')).toEqual([200, 'en', vary]);
    expect((await site.get('/v1/openapi.json?lang=de')).statusCode).toBe(400);
    const { headers, rawPayload } = await site.get('/v1/openapi.json', undefined, {
      headers: { 'accept-encoding': 'gzip' },
    });
    expect([headers['content-encoding'], rawPayload.length < 40_000]).toEqual(['gzip', true]);
    const known = { headers: { 'if-none-match': headers.etag as string, 'accept-encoding': 'gzip' } };
    const { statusCode, headers: unchanged } = await site.get('/v1/openapi.json', undefined, known);
    expect([statusCode, unchanged.etag, unchanged['content-type']]).toEqual([304, headers.etag, undefined]);
  });

  test.each(['/v1/openapi.json', '/api'])('%s is made and compressed once for each language', async target => {
    const decoders = { gzip: zlib.gunzipSync, zstd: zlib.zstdDecompressSync, identity: (bytes: Buffer) => bytes };
    const end = vi.spyOn(http.ServerResponse.prototype, 'end');
    onTestFinished(() => void end.mockRestore());
    for (const language of ['en', 'ja'])
      for (const coding of ['gzip', 'zstd', 'identity'] as const) {
        end.mockClear();
        const ask = async () => {
          const options = { headers: { 'accept-encoding': coding }, agent: false };
          const [answer] = await once(http.get(`${url}${target}?lang=${language}`, options), 'response');
          await once(answer.resume(), 'end');
          return answer.headers;
        };
        const headers = await ask();
        expect([headers['cache-control'], headers['content-encoding'] ?? 'identity']).toEqual([
          'private, no-cache',
          coding,
        ]);
        await ask();
        const [first, again] = end.mock.calls.map(([sent]) => sent as unknown as Buffer);
        const { body } = await site.get(`${target}?lang=${language}`);
        expect(decoders[coding](first!).toString()).toBe(body);
        expect(again, 'the same memory').toBe(first);
      }
  });

  test('as a page without scripts, whose links lead somewhere, with every route', async () => {
    for (const language of ['en', 'ja']) {
      const { body, headers, statusCode } = await site.get(`/api?lang=${language}`);
      expect([statusCode, headers['content-type']]).toEqual([200, 'text/html; charset=utf-8']);
      expect(body).toContain(`<html lang="${language}">`);
      const policy = String(headers['content-security-policy']);
      const [, style] = /<style>(.*?)<\/style>/s.exec(body)!;
      const hash = createHash('sha256').update(style!).digest('base64');
      expect(policy).toContain(`style-src 'self' 'sha256-${hash}'`);
      expect(policy).toContain("default-src 'none'");
      expect(policy).not.toContain('script-src');
      expect(body).not.toMatch(/<script|\son\w+=|javascript:|https?:\/\/(?!collector\.example)/);
      const ids = [...body.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
      expect(new Set(ids).size).toBe(ids.length);
      for (const [, anchor] of body.matchAll(/href="#([^"]+)"/g)) expect(ids).toContain(anchor);
      for (const { operation } of operationsOf(english)) expect(ids).toContain(operation.operationId);
      expect(body.includes('毎日の自動取得')).toBe(language === 'ja');
      expect(body).toContain(`class="button" href="/sign-in?lang=${language}"`);
      expect(body).toContain('&quot;type&quot;: &quot;urn:enaga:problem:budget&quot;');
    }
  });
});

describe('what it says to do', () => {
  /** The blocks of code of a document, with this server in place of the one that it stands for. */
  const codeOf = (document: Json, folder: string): string[] =>
    [...(document.info as { description: string }).description.matchAll(/^```\n(.*?)\n```$/gms)].map(([, text]) =>
      text!
        .replaceAll(PLACEHOLDER, url)
        .replaceAll('/etc/enaga/', `${folder}/`)
        .replaceAll('/srv/enaga', `${folder}/out`)
        .replaceAll('JP', 'KR'),
    );

  function folderFor(token: string): string {
    const folder = fs.mkdtempSync(path.join(site.made.dir, 'daily-'));
    fs.writeFileSync(path.join(folder, 'token'), `${token}\n`, { mode: 0o600 });
    fs.writeFileSync(path.join(folder, 'header'), `Authorization: Bearer ${token}\n`, { mode: 0o600 });
    return folder;
  }

  const sh = (script: string, folder: string) =>
    execute('/bin/sh', ['-c', script], { cwd: folder, timeout: 30_000 }).then(
      ({ stdout, stderr }) => ({ code: 0, said: stdout + stderr }),
      ({ code, stdout, stderr }) => ({ code: code as number, said: stdout + stderr }),
    );

  const digest = (file: string) => createHash('sha256').update(fs.readFileSync(file)).digest('hex');

  test.each(['en', 'ja'])(
    'the script of curl (%s) pulls each day once, and what was changed on the way not at all',
    async language => {
      const folder = folderFor(site.tokens.foreign);
      const script = codeOf(language === 'en' ? english : japanese, folder).find(text => text.startsWith('#!/bin/sh'))!;
      expect(await sh(script, folder)).toEqual({ code: 0, said: '' });
      const out = path.join(folder, 'out');
      for (const date of DATES.slice(0, 3)) {
        const { rows } = (await site.get(`/v1/days/${date}/files`, site.tokens.foreign)).json();
        expect(rows.length).toBe(7);
        for (const { name, sha256 } of rows) expect(digest(path.join(out, date, name))).toBe(sha256);
        const exports = (await site.get(`/v1/days/${date}/exports`, site.tokens.foreign)).json().rows;
        const listed = exports.find(({ name }: { name: string }) => name === 'iodef-v2-KR.xml');
        expect(digest(path.join(out, date, 'iodef-v2-KR.xml'))).toBe(listed.sha256);
      }
      expect(fs.existsSync(path.join(out, DATES[3]))).toBe(false);
      const asked = () => site.lines.filter(line => line.includes('"answered"')).length;
      const before = asked();
      expect(await sh(script, folder)).toEqual({ code: 0, said: '' });
      expect(asked() - before).toBe(1);
      // As if another revision were there, and something between had changed a file of it.
      const date = DATES[1];
      fs.writeFileSync(path.join(out, date, 'revision'), '0\n');
      const forged = script.replace(
        'get --output "$date/$name.part" "$collector$url"',
        'echo forged > "$date/$name.part"',
      );
      expect(forged).not.toBe(script);
      const { code, said } = await sh(forged, folder);
      expect([code, /FAILED/.test(said)]).toEqual([1, true]);
      expect(fs.readFileSync(path.join(out, date, 'revision'), 'utf8')).toBe('0\n');
    },
  );

  test('a day whose records are kept no longer has its tables, and no empty exchange file', async () => {
    const { reader } = site.powers;
    const isExpired = reader.isExpired;
    reader.isExpired = day => day === FIRST_DAY;
    try {
      const folder = folderFor(site.tokens.foreign);
      const script = codeOf(english, folder).find(text => text.startsWith('#!/bin/sh'))!;
      expect(await sh(script, folder)).toEqual({ code: 0, said: '' });
      const pulled = path.join(folder, 'pulled');
      const args = ['pull', '--collector', url, '--token-file', path.join(folder, 'token'), '--out', pulled];
      const ran = await runCommand([pullCommand], [...args, '--export', 'iodef-v2', 'misp', '--country', 'KR']);
      expect([ran.code, ran.stderr]).toEqual([0, '']);
      expect(ran.stdout).toContain(
        `${DATES[0]} revision 1: 7 files; its records are kept no longer: no iodef-v2-KR., misp-KR/`,
      );
      for (const out of [path.join(folder, 'out'), pulled]) {
        expect(fs.readdirSync(path.join(out, DATES[0])).filter(name => /iodef|misp/.test(name))).toEqual([]);
        expect(fs.existsSync(path.join(out, DATES[0], 'ports.csv'))).toBe(true);
        expect(fs.existsSync(path.join(out, DATES[1], 'iodef-v2-KR.xml'))).toBe(true);
      }
      expect(
        (await runCommand([pullCommand], [...args, '--export', 'iodef-v2', 'misp', '--country', 'KR'])).stdout,
      ).toBe('');
      const refused = await site.get(`/v1/days/${DATES[0]}/exports/stix?country=KR`, site.tokens.foreign);
      expect([refused.statusCode, refused.json().type]).toEqual([410, 'urn:enaga:problem:no-records']);
    } finally {
      reader.isExpired = isExpired;
    }
  });

  test('a token that is none fails aloud', async () => {
    const folder = folderFor('enaga_none');
    const script = codeOf(english, folder).find(text => text.startsWith('#!/bin/sh'))!;
    const { code, said } = await sh(script, folder);
    expect([code, said]).toEqual([22, expect.stringContaining('401')]);
  });

  test('a country that is not the member’s fails aloud', async () => {
    const folder = folderFor(site.tokens.foreign);
    const script = codeOf(english, folder).find(text => text.startsWith('#!/bin/sh'))!;
    const { code, said } = await sh(script.replace('country=KR', 'country=DE'), folder);
    expect([code, said]).toEqual([22, expect.stringContaining('403')]);
  });

  test('the line for cron is one that enaga pull takes', async () => {
    for (const document of [english, japanese]) {
      const folder = folderFor(site.tokens.foreign);
      const cron = codeOf(document, folder).find(text => text.startsWith('# /etc/cron.d'))!;
      const [, line] = / enaga (pull .*)$/m.exec(cron)!;
      expect(await runCommand([pullCommand], line!.split(' '))).toEqual({ code: 0, stdout: '', stderr: '' });
      expect(fs.readdirSync(path.join(folder, 'out', DATES[0]))).toContain('iodef-v2-KR.xml');
    }
  });

  test('with the ETag that is kept, what has not changed is not sent again', async () => {
    const folder = folderFor(site.tokens.foreign);
    const ask = codeOf(english, folder)
      .find(text => text.startsWith('curl '))!
      .replace('2026-11-20', DATES[1]);
    expect((await sh(ask, folder)).code).toBe(0);
    const file = path.join(folder, 'ports.csv');
    const { mtimeMs } = fs.statSync(file);
    expect(fs.readFileSync(file, 'utf8')).toMatch(/^rank,previousRank,protocol,/);
    expect((await sh(`${ask} --write-out '%{http_code}'`, folder)).said).toBe('304');
    expect(fs.statSync(file).mtimeMs).toBe(mtimeMs);
  });
});
