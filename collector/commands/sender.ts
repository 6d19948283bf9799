/** Who sends exports, as exports.json of the data directory says: for what is served without flags. */
import fs from 'node:fs';
import path from 'node:path';
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import type { Sender } from '../publish/api/read-powers.ts';
import { TLPS } from '../publish/exports/meta.ts';
import { BadData, type DataPaths } from './data.ts';

const Text = Type.String({ minLength: 1, maxLength: 200 });
const SenderSchema = Type.Object({
  organisation: Text,
  email: Text,
  feed: Text,
  tlp: Type.Optional(Type.Union(TLPS.map(tlp => Type.Literal(tlp)))),
});

/** Undefined if there is no such file. Throws `BadData` if it is of another form. */
export function senderOf({ root }: DataPaths): Sender | undefined {
  const file = path.join(root, 'exports.json');
  if (!fs.existsSync(file)) return undefined;
  let settings: unknown;
  try {
    settings = JSON.parse(fs.readFileSync(file, 'utf8'));
  } catch (error) {
    throw new BadData(`${file} is no JSON: ${(error as Error).message}`);
  }
  if (!Value.Check(SenderSchema, settings))
    throw new BadData(`${file} is to have organisation, email and feed, and may have tlp: ${TLPS.join(', ')}`);
  const { organisation: name, email, feed: feedCode, tlp = 'amber' } = settings as Static<typeof SenderSchema>;
  return { organisation: { name, email, feedCode }, tlp };
}
