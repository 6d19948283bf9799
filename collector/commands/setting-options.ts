/** Options of `enaga serve` for settings that are seldom given on the command line: what each does, once, for the help. */
import { InvalidArgumentError, Option } from 'commander';
import { DEFAULTS, type Setting } from './config.ts';

const TEXTS: readonly (readonly [setting: Setting, argument: string, description: string])[] = [
  ['trustedProxies', '<cidr>', 'a proxy that is believed about who asks, X-Forwarded-For (repeatable; default none)'],
  ['archive', '<on|off>', 'whether days that are closed become Parquet files, and their log goes'],
  ['recordsDays', '<n>', 'days that records are kept for in the archive; 0 for ever. Figures are kept for ever'],
  ['publicSensors', '<k>', 'the public sees what at least so many sensors saw'],
  ['publicOwners', '<m>', '... of at least so many organisations'],
  ['publicLateDays', '<n>', 'whole days until the public sees a day'],
  ['publicDigits', '<n>', "digits left of the public's figures"],
  ['publicRows', '<n>', "rows of the public's tables"],
  ['memberBurst', '<n>', 'requests a member may make at once'],
  ['memberPerSecond', '<n>', '... and a second, after that'],
  ['publicBurst', '<n>', 'requests an address without a token may make at once'],
  ['publicPerSecond', '<n>', '... and a second, after that'],
  ['peerPullMinutes', '<n>', 'minutes between two pulls of all peers (enaga peer); 0 for never'],
  ['pushAt', '<hh:mm>', 'when days go to members that have a target (enaga push), UTC; or off'],
  ['smtpHost', '<host>', 'the mail server for what is pushed by e-mail'],
  ['smtpPort', '<port>', 'its port'],
  ['smtpSecurity', '<how>', 'tls, starttls or none (loopback only)'],
  ['smtpUser', '<name>', 'whom to sign in as'],
  ['smtpPasswordFile', '<file>', 'file that holds the password'],
  ['smtpCa', '<file>', "trust this certificate for the mail server's, PEM, and no other"],
  ['smtpFrom', '<address>', 'the sender of mails'],
];

const flagOf = (setting: Setting): string => `--${setting.replace(/[A-Z]/g, '-$&').toLowerCase()}`;

/** Each is checked with the settings from elsewhere (config.ts): only what is no number is refused here. */
export const settingOptions = (): Option[] =>
  TEXTS.map(([setting, argument, text]) => {
    const standard = DEFAULTS[setting];
    const isList = Array.isArray(standard);
    const told = standard === undefined || isList ? text : `${text} (default ${standard})`;
    const option = new Option(`${flagOf(setting)} ${argument}`, told);
    if (isList) option.argParser((value: string, before: string[] = []) => [...before, value]);
    return typeof standard === 'number' ? option.argParser(number) : option;
  });

function number(text: string): number {
  if (!/^\d{1,9}(\.\d{1,9})?$/.test(text)) throw new InvalidArgumentError('It takes a number.');
  return Number(text);
}
