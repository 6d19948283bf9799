/**
 * By e-mail: one mail a file, attached, compressed if it is long. Its Message-ID is made from the delivery's key, so that a mail
 * that is sent twice after an interruption is one to readers that look. Whatever a server says stays out of the book but its
 * code: it may quote addresses.
 */
import fs from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import nodemailer from 'nodemailer';
import type { MadeFile } from './file.ts';
import { failed, type Outcome, troubleOf } from './outcome.ts';

export interface MailSettings {
  readonly host: string;
  readonly port: number;
  readonly security: 'tls' | 'starttls' | 'none';
  readonly from: string;
  readonly user?: string;
  /** File that holds the password: read for each mail, so that it can be changed. */
  readonly passwordFile?: string;
  /** PEM: trusted in place of the authorities that Node knows. Read for each mail, too. */
  readonly caFile?: string;
}

export interface Mail {
  /** The delivery's key. */
  readonly id: string;
  readonly to: readonly string[];
  readonly subject: string;
  readonly text: string;
  readonly file?: MadeFile;
}

/** Longer attachments are compressed. */
const plainBytesMax = 256 * 1024;
/** Of an attachment, as it travels before base64: many servers take 25 MB a mail. */
const attachmentBytesMax = 15 * 2 ** 20;
const connectMsMax = 30_000;
const idleMsMax = 120_000;

export async function sendMail(settings: MailSettings, mail: Mail): Promise<Outcome> {
  let attachment: Attachment | undefined;
  const way = { isSent: false };
  try {
    attachment = mail.file === undefined ? undefined : await attachmentOf(mail.file);
    if (attachment !== undefined && attachment.bytes > attachmentBytesMax)
      return { kind: 'impossible', why: `${attachment.bytes} bytes, too long for a mail: let the member pull it` };
    await send(settings, mail, attachment, way);
    return { kind: 'delivered' };
  } catch (error) {
    const { responseCode, ...trouble } = error as MailError;
    // 552: larger than the server takes; 554: refused for what is in it.
    const of = responseCode === 552 || responseCode === 554 ? 'file' : 'target';
    if (responseCode !== undefined) return failed(of, `the mail server answers ${responseCode}`);
    return failed(of, wayText(trouble), way.isSent);
  } finally {
    if (attachment?.isCopy) fs.rmSync(attachment.path, { force: true });
  }
}

interface MailError {
  readonly responseCode?: number;
  /** `originalCode` is the system's, where nodemailer has put its own in its place. */
  readonly originalCode?: string;
  readonly code?: string;
}

const wayText = ({ originalCode, code = '' }: MailError): string => troubleOf({ code: originalCode ?? code }, 'smtpCa');

interface Attachment {
  readonly path: string;
  readonly name: string;
  readonly mediaType: string;
  readonly bytes: number;
  readonly isCopy: boolean;
}

async function attachmentOf({ path, name, mediaType, bytes }: MadeFile): Promise<Attachment> {
  if (bytes <= plainBytesMax) return { path, name, mediaType, bytes, isCopy: false };
  const copy = `${path}.gz`;
  await pipeline(fs.createReadStream(path), createGzip(), fs.createWriteStream(copy, { mode: 0o600 }));
  const size = fs.statSync(copy).size;
  return { path: copy, name: `${name}.gz`, mediaType: 'application/gzip', bytes: size, isCopy: true };
}

/** `way.isSent`: all was handed to the connection, and the server has yet to say whether it takes it. */
async function send(
  settings: MailSettings,
  mail: Mail,
  attachment: Attachment | undefined,
  way: { isSent: boolean },
): Promise<void> {
  const { host, port, security, from, user, passwordFile, caFile } = settings;
  const transport = nodemailer.createTransport({
    host,
    port,
    secure: security === 'tls',
    requireTLS: security === 'starttls',
    ignoreTLS: security === 'none',
    tls: { minVersion: 'TLSv1.2', ...(caFile !== undefined && { ca: fs.readFileSync(caFile) }) },
    connectionTimeout: connectMsMax,
    greetingTimeout: connectMsMax,
    socketTimeout: idleMsMax,
    disableFileAccess: true,
    disableUrlAccess: true,
    ...(user !== undefined &&
      passwordFile !== undefined && { auth: { user, pass: fs.readFileSync(passwordFile, 'utf8').trimEnd() } }),
  });
  const content =
    attachment &&
    fs.createReadStream(attachment.path).once('end', () => {
      way.isSent = true;
    });
  try {
    await transport.sendMail({
      from,
      to: [...mail.to],
      subject: mail.subject,
      text: mail.text,
      textEncoding: 'base64', // of Japanese, as others write it
      messageId: `<${mail.id}@${from.slice(from.lastIndexOf('@') + 1)}>`,
      headers: { 'Auto-Submitted': 'auto-generated', 'X-Enaga-Key': mail.id },
      ...(attachment !== undefined && {
        attachments: [{ filename: attachment.name, contentType: attachment.mediaType, content }],
      }),
    });
  } finally {
    content?.destroy(); // a server that is away has not read it, and it would stay open
    transport.close();
  }
}
