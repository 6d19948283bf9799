/** What pushing needs of a data directory and its settings: for the commands, and for the thread beside `enaga serve`. */
import type { Logger } from 'pino';
import { scrub } from '../ingest/logging.ts';
import { type Metrics, pushMetrics } from '../ingest/metrics.ts';
import { type PushThreadOptions, startPushing } from '../push/background.ts';
import type { MailSettings } from '../push/mail.ts';
import { minutesOf } from '../push/morning.ts';
import { publicRuleOf, type Settings } from './config.ts';
import type { DataPaths } from './data.ts';
import { senderOf } from './sender.ts';

/** Throws `BadData` if exports.json is of another form. */
export function pushPlace(paths: DataPaths, settings: Settings): PushThreadOptions['place'] {
  senderOf(paths);
  const mail = mailOf(settings);
  const { log, store, registry, geo, peers, files, archive, push: book, pushLock: lock, pushSpool: spool } = paths;
  return {
    data: { log, store, registry, geo, peers, files },
    ...{ archive, book, lock, spool },
    senderFile: paths.exports,
    ...(mail !== undefined && { mail }),
  };
}

function mailOf({
  smtpHost: host,
  smtpFrom: from,
  smtpPort: port,
  smtpSecurity: security,
  smtpUser: user,
  smtpPasswordFile: passwordFile,
  smtpCa: caFile,
}: Settings): MailSettings | undefined {
  if (host === undefined || from === undefined) return undefined;
  return {
    ...{ host, from, port, security },
    ...(user !== undefined && { user }),
    ...(passwordFile !== undefined && { passwordFile }),
    ...(caFile !== undefined && { caFile }),
  };
}

/** Until the thread begins: a server that starts has other things to do. */
const delayMs = 5000;

/** Pushes while a collector serves, and measures files of closed days. Returns how to end it. Throws as `pushPlace`. */
export function pushDays(
  paths: DataPaths,
  settings: Settings,
  { logger, metrics }: { readonly logger: Logger; readonly metrics: Metrics },
): () => Promise<void> {
  const options = {
    place: pushPlace(paths, settings),
    rule: publicRuleOf(settings),
    ...(settings.pushAt !== 'off' && { atMinutes: minutesOf(settings.pushAt) }),
    delayMs,
  };
  const pushing = startPushing(
    options,
    ({ level, text }) => logger[level](scrub(text)),
    counted => pushMetrics(metrics, counted, Date.now()),
  );
  return () => pushing.stop();
}
