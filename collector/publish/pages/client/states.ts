/** What a page shows instead of figures, or above them: each state has its own words, and says what to do. */
import type { Trouble } from './api.ts';
import { type Child, h, pathOf, say } from './dom.ts';

export function state(name: string, title: string, ...more: Child[]): HTMLElement {
  return h('section', { class: `state ${name}` }, h('h1', {}, title), more);
}

const text = (content: string): HTMLElement => h('p', {}, content);

/** Nothing was ever counted, and somebody who may see everything looks. */
export const nothingYet = (): HTMLElement =>
  state(
    'empty',
    say({ en: 'Nothing has arrived yet', ja: 'まだ観測データがありません' }),
    text(
      say({
        en: 'The collector is ready. As soon as a sensor sends its first hour, it shows here.',
        ja: 'コレクターは稼働しています。センサーから最初の1時間分が届くと、ここに表示されます。',
      }),
    ),
    h('p', {}, h('code', {}, 'enaga sensor add')),
  );

/** The public's rule leaves nothing, which is by design: a few sensors would be given away by their figures. */
export const tooFewSensors = (): HTMLElement =>
  state(
    'few',
    say({ en: 'Too few sensors to publish', ja: '公開に必要なセンサー数に達していません' }),
    text(
      say({
        en: 'Figures appear here once enough sensors of enough organisations stand behind them, a few days late and rounded. With fewer, whoever sends marked packets could find out which addresses are watched.',
        ja: '十分な数の組織・センサーの観測がそろった数値だけを、数日遅れで丸めて公開しています。センサーが少ないうちに公開すると、目印を付けたパケットを送ることで観測アドレスを特定されるおそれがあるためです。',
      }),
    ),
    h(
      'p',
      {},
      h('a', { href: pathOf.page('sign-in') }, say({ en: 'Members sign in', ja: 'メンバーはサインインしてください' })),
      say({ en: ' to see everything up to this hour.', ja: '（現在時刻までの全データを閲覧できます）。' }),
    ),
    text(
      say({
        en: 'Signed in in another tab? Sign in here too: a token is kept in one tab.',
        ja: '別のタブでサインイン済みの場合も、このタブでサインインしてください。',
      }),
    ),
  );

/** No other observatory is shown to this reader. */
export const noPeers = (member: boolean): HTMLElement =>
  state(
    'empty',
    say({ en: 'No other observatory is shown here', ja: '表示できる他の観測網はありません' }),
    text(
      member
        ? say({
            en: 'Figures of other collectors, and of captures of other systems, can stand here beside our own.',
            ja: '他のコレクターや他システムの観測データを、当観測網の数値と並べて表示できます。',
          })
        : say({
            en: 'What other observatories share is shown to members.',
            ja: '他の観測網から共有された数値は、メンバー向けに表示しています。',
          }),
    ),
    member
      ? h('p', {}, h('code', {}, 'enaga peer add NAME --url URL'))
      : h('p', {}, h('a', { class: 'button', href: pathOf.page('sign-in') }, say({ en: 'Sign in', ja: 'サインイン' }))),
  );

/** There are others, and nothing of theirs. */
export const noPeerDays = (): HTMLElement =>
  h(
    'p',
    { class: 'state' },
    say({
      en: 'Nothing of another observatory is here for these days. What is new is pulled each hour; another day may have some.',
      ja: 'この期間について、他の観測網の数値はまだありません。新しいデータは1時間ごとに取得します。ほかの日もお試しください。',
    }),
  );

/** A part of a page that the public does not have. */
export const membersOnly = (what: 'ports' | 'countries'): HTMLElement =>
  h(
    'p',
    { class: 'state' },
    what === 'countries'
      ? say({
          en: 'From which countries and networks, and with which tools: for members. ',
          ja: '送信元の地域・AS、スキャンツールの内訳はメンバー向けです。',
        })
      : say({
          en: 'To which ports, from which networks, and with which tools: for members. ',
          ja: '宛先ポート、送信元AS、スキャンツールの内訳はメンバー向けです。',
        }),
    h('a', { href: pathOf.page('sign-in') }, say({ en: 'Sign in', ja: 'サインイン' })),
  );

/** What takes a token, for who has none. */
export const signInFirst = (): HTMLElement =>
  state(
    'locked',
    say({ en: 'For members', ja: 'メンバー向けのページです' }),
    text(
      say({
        en: 'Sensors are shown to those who run them.',
        ja: 'センサーの情報は、その運用者だけが閲覧できます。',
      }),
    ),
    h('p', {}, h('a', { class: 'button', href: pathOf.page('sign-in') }, say({ en: 'Sign in', ja: 'サインイン' }))),
  );

const TROUBLE = {
  none: {
    title: { en: 'Nothing is shown of this', ja: '表示できるデータがありません' },
    text: {
      en: 'It was not seen in this time, or too few sensors saw it to be published.',
      ja: 'この期間に観測されていないか、公開に必要な数のセンサーで観測されていません。',
    },
  },
  token: {
    title: { en: 'The token is not valid any more', ja: 'トークンが無効です' },
    text: { en: 'Sign in again, or look at what is public.', ja: 'サインインし直すか、公開データをご覧ください。' },
  },
  forbidden: {
    title: { en: 'Not for this token', ja: 'このトークンでは閲覧できません' },
    text: { en: 'Ask who runs the collector.', ja: 'コレクターの管理者にお問い合わせください。' },
  },
  waiting: {
    title: { en: 'One moment', ja: 'しばらくお待ちください' },
    text: {
      en: 'The collector has been asked too much. This page asks again by itself.',
      ja: '要求が集中しています。このページは自動的に再試行します。',
    },
  },
  uncounted: {
    title: { en: 'Nothing is counted yet', ja: 'まだ集計されていません' },
    text: {
      en: 'The collector is ready. As soon as a sensor’s first hour is counted it shows here, by itself.',
      ja: 'コレクターは稼働しています。センサーの最初の1時間分が集計されると、自動的に表示されます。',
    },
  },
  counting: {
    title: { en: 'This is being counted', ja: '集計中です' },
    text: {
      en: 'Its figures are being made, or made again. This page asks again by itself.',
      ja: '数値を集計（または再集計）しています。このページは自動的に再試行します。',
    },
  },
  senderless: {
    title: {
      en: 'The collector has not been told who sends its exchange files',
      ja: 'コレクターに交換用ファイルの発行者が設定されていません',
    },
    text: { en: 'Ask who runs the collector.', ja: 'コレクターの管理者にお問い合わせください。' },
  },
  away: {
    title: { en: 'The collector is not ready at this moment', ja: 'コレクターの準備ができていません' },
    text: {
      en: 'What answers its readers takes no questions just now. This page asks again by itself.',
      ja: '閲覧用の処理が一時的に応答できない状態です。このページは自動的に再試行します。',
    },
  },
  unreachable: {
    title: { en: 'The collector does not answer', ja: 'コレクターから応答がありません' },
    text: {
      en: 'Check the network. This page asks again by itself.',
      ja: 'ネットワークを確認してください。このページは自動的に再試行します。',
    },
  },
  broken: {
    title: { en: 'Something is wrong at the collector', ja: 'コレクターで問題が発生しました' },
    text: {
      en: 'Its log says what. This page asks again by itself.',
      ja: '詳細はコレクターのログに記録されています。このページは自動的に再試行します。',
    },
  },
} as const;

/** Asking again may help, with nothing done meanwhile. */
export const isPassing = (trouble: Trouble): boolean => !['none', 'token', 'forbidden', 'senderless'].includes(trouble);

export const troubleTitle = (trouble: Trouble): string => say(TROUBLE[trouble].title);

/** An address where there is nothing; below /countries, with what stands there for a code. */
export const noSuchPage = (code: string): HTMLElement =>
  code === ''
    ? state(
        'missing',
        say({ en: 'No such page', ja: 'ページがありません' }),
        text(
          say({
            en: 'There is nothing at this address. Check its spelling, or start from the first page.',
            ja: 'アドレスに誤りがないかご確認いただくか、最初のページからお探しください。',
          }),
        ),
        h('p', {}, h('a', { class: 'button', href: pathOf.page('') }, say({ en: 'Now', ja: '現況' }))),
      )
    : state(
        'missing',
        say({ en: `No such country code: ${code}`, ja: `「${code}」という国・地域コードはありません` }),
        text(
          say({
            en: 'Countries and regions go by the two capital letters of ISO 3166, such as JP.',
            ja: '国・地域は、ISO 3166の2文字コード（JPなど、大文字）で指定します。',
          }),
        ),
        h(
          'p',
          {},
          h(
            'a',
            { class: 'button', href: pathOf.page('countries') },
            say({ en: 'All countries and regions', ja: '国・地域の一覧' }),
          ),
        ),
      );

/** A page for admins, and somebody else looks. */
export const adminsOnly = (): HTMLElement => troubled('forbidden');

export const troubled = (trouble: Trouble): HTMLElement =>
  state(
    trouble,
    say(TROUBLE[trouble].title),
    text(say(TROUBLE[trouble].text)),
    trouble === 'token'
      ? h('p', {}, h('a', { class: 'button', href: pathOf.page('sign-in') }, say({ en: 'Sign in', ja: 'サインイン' })))
      : undefined,
  );

/** Above figures that could not be renewed. */
export const stale = (sinceText: string, trouble: Trouble): HTMLElement =>
  h(
    'p',
    { class: 'warn', role: 'status' },
    say({
      en: `These figures are of ${sinceText} UTC and could not be renewed: `,
      ja: `${sinceText} UTC時点の数値です。更新できません：`,
    }),
    say(TROUBLE[trouble].title),
  );
