/**
 * Who sends exchange files: exports.json of the data directory. Whoever serves or pushes asks for it each time, so that a change
 * holds from the next file on; one that will not do changes nothing, and is said once.
 */
import fs from 'node:fs';
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import { type Sender, TLPS, tlpDefault } from './exports/meta.ts';

const Text = Type.String({ minLength: 1, maxLength: 200 });
const SettingsSchema = Type.Object({
  organisation: Type.Optional(Text),
  email: Type.Optional(Text),
  feed: Type.Optional(Text),
  tlp: Type.Optional(Type.Union(TLPS.map(tlp => Type.Literal(tlp)))),
});

export type SenderSettings = Static<typeof SettingsSchema>;

/** The file is of another form. */
export class BadSender extends Error {
  override readonly name = 'BadSender';
}

/** Empty if there is no such file: flags may say it all. Throws `BadSender`, and the system's error if it cannot be read. */
export function readSender(file: string): SenderSettings {
  if (!fs.existsSync(file)) return {};
  let settings: unknown;
  try {
    settings = JSON.parse(fs.readFileSync(file, 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).syscall !== undefined) throw error;
    throw new BadSender(`${file} is no JSON: ${(error as Error).message}`);
  }
  if (!Value.Check(SettingsSchema, settings))
    throw new BadSender(`${file} may have organisation, email and feed, as text, and tlp: ${TLPS.join(', ')}`);
  return settings;
}

/** Undefined unless all is said. */
export function wholeSender({ organisation: name, email, feed: feedCode, tlp }: SenderSettings): Sender | undefined {
  if (name === undefined || email === undefined || feedCode === undefined) return undefined;
  return { organisation: { name, email, feedCode }, tlp: tlp ?? tlpDefault };
}

/** The sender as the file says now, at the cost of a look at its time. */
export function followSender(file: string, warn: (text: string) => void): () => Sender | undefined {
  let seen: string | undefined;
  let sender: Sender | undefined;
  return () => {
    const stamp = stampOf(file);
    if (stamp === seen) return sender;
    seen = stamp;
    try {
      sender = wholeSender(readSender(file));
    } catch (error) {
      warn(`who sends exchange files stays as it was: ${(error as Error).message}`);
    }
    return sender;
  };
}

function stampOf(file: string): string {
  const { ino, size, mtimeMs } = fs.statSync(file, { throwIfNoEntry: false }) ?? {};
  return `${ino} ${size} ${mtimeMs}`;
}
