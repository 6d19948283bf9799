/** `enaga push test`: whether a target takes what is sent to it, without a record of anybody's. */
import { createHash, randomUUID } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type MailSettings, sendMail } from './mail.ts';
import { TEST_MAIL } from './mail-text.ts';
import { failed, type Outcome, troubleOf } from './outcome.ts';
import type { Target } from './targets.ts';
import { post } from './webhook.ts';

/** What it is that a target of this kind took. */
export function tookText({ name, kind, address }: Target): string {
  if (kind === 'folder') return `${name}: a file could be written to ${address}, and was taken away again`;
  if (kind === 'mail') return `${name}: the mail server took a test mail to ${address.replaceAll(' ', ', ')}`;
  return `${name}: ${new URL(address).host} took a test, without any data`;
}

export interface TestPowers {
  readonly secret: string | null;
  readonly mail?: MailSettings;
  readonly nowMs: number;
}

export async function sendTest(target: Target, { secret, mail, nowMs }: TestPowers): Promise<Outcome> {
  const id = `enaga-test-${randomUUID()}`;
  if (target.kind === 'folder') return testFolder(path.join(target.address, `.${id}`));
  if (target.kind === 'mail') {
    if (mail === undefined) return failed('target', 'no mail server is set: smtpHost, smtpFrom');
    return sendMail(mail, { id, to: target.address.split(' '), ...TEST_MAIL });
  }
  const text = `${JSON.stringify({ type: 'test', target: target.name })}\n`;
  // Not in the spool, which a round that begins meanwhile clears.
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'enaga-test-'));
  const file = path.join(folder, 'test.json');
  fs.writeFileSync(file, text, { mode: 0o600 });
  try {
    const sha256 = createHash('sha256').update(text).digest('hex');
    const made = { path: file, name: 'test.json', mediaType: 'application/json', bytes: text.length, sha256 };
    const endpoint = { url: target.address, secret: secret!, ca: target.ca };
    return await post(endpoint, { id, headers: { 'enaga-test': '1' }, file: made }, nowMs);
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

function testFolder(file: string): Outcome {
  try {
    fs.writeFileSync(file, '', { flag: 'wx' });
    fs.rmSync(file);
    return { kind: 'delivered' };
  } catch (error) {
    return failed('target', troubleOf(error));
  }
}
