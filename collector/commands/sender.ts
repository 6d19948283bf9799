/** Who sends exchange files: exports.json of the data directory, for `enaga export` and for the API. */
import fs from 'node:fs';
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import { type Sender, TLPS, tlpDefault } from '../publish/exports/meta.ts';
import { BadData, type DataPaths } from './data.ts';

const Text = Type.String({ minLength: 1, maxLength: 200 });
const SettingsSchema = Type.Object({
  organisation: Type.Optional(Text),
  email: Type.Optional(Text),
  feed: Type.Optional(Text),
  tlp: Type.Optional(Type.Union(TLPS.map(tlp => Type.Literal(tlp)))),
});

export type SenderSettings = Static<typeof SettingsSchema>;

/** Empty if there is no such file: flags may say it all. Throws `BadData` if it is of another form. */
export function readSender({ exports: file }: DataPaths): SenderSettings {
  if (!fs.existsSync(file)) return {};
  let settings: unknown;
  try {
    settings = JSON.parse(fs.readFileSync(file, 'utf8'));
  } catch (error) {
    throw new BadData(`${file} is no JSON: ${(error as Error).message}`);
  }
  if (!Value.Check(SettingsSchema, settings))
    throw new BadData(`${file} may have organisation, email and feed, as text, and tlp: ${TLPS.join(', ')}`);
  return settings;
}

/** For what is served, where no flag adds to it: undefined unless the file says all. Throws `BadData`. */
export function senderOf(paths: DataPaths): Sender | undefined {
  const { organisation: name, email, feed: feedCode, tlp = tlpDefault } = readSender(paths);
  if (name === undefined || email === undefined || feedCode === undefined) return undefined;
  return { organisation: { name, email, feedCode }, tlp };
}
