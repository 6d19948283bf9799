/** An admin invites members: an organisation, what it may read of, its token; and who is a member. */
import { ask, askReader, isMember, send } from './api.ts';
import { h, pathOf, say } from './dom.ts';
import { type Field, field, form, input, lines, listOf, secret, select, troubleOf, twice } from './form.ts';
import { economyText, momentText } from './sentences.ts';
import { adminsOnly, signInFirst } from './states.ts';
import type { View } from './view.ts';

interface OrganisationRow {
  readonly name: string;
  readonly title: string;
}

interface MemberRow {
  readonly organisation: string;
  readonly role: 'member' | 'admin';
  readonly countries: readonly string[];
  readonly asns: readonly string[];
  readonly prefixes: readonly string[];
  readonly revoked: string | null;
  readonly expires: string | null;
}

interface Membership {
  readonly organisation: string;
  readonly token: string;
  readonly expires: string;
}

const ROLES = {
  member: {
    en: 'member: all aggregates, raw records of its own scope',
    ja: 'メンバー：集計全体と、自組織の範囲の記録',
  },
  admin: { en: 'admin: everything, and these pages', ja: '管理者：すべてのデータとこの管理画面' },
} as const;
const ROLE_NAMES = { member: { en: 'member', ja: 'メンバー' }, admin: { en: 'admin', ja: '管理者' } } as const;

export async function membersPage(_view: View, changed: () => void, signal: AbortSignal): Promise<HTMLElement[]> {
  if (!isMember()) return [signInFirst()];
  if ((await askReader(signal)).role !== 'admin') return [adminsOnly()];
  const [{ rows: organisations }, { rows: members }] = await Promise.all([
    ask<OrganisationRow>('/v1/organisations', {}, { signal }),
    ask<MemberRow>('/v1/members', {}, { signal }),
  ]);
  const organisation = organisationField(organisations);
  return [
    h(
      'div',
      { class: 'lead' },
      h('p', { class: 'when' }, h('a', { href: pathOf.page('sensors') }, say({ en: 'Sensors', ja: 'センサー' }))),
      h('h1', {}, say({ en: 'Members', ja: 'メンバー' })),
    ),
    h(
      'div',
      { class: 'desk' },
      h('div', {}, inviteForm(organisation), organisationForm(organisation.control)),
      list(members, changed),
    ),
  ];
}

const organisationField = (organisations: readonly OrganisationRow[]): Field =>
  field({
    name: 'organisation',
    label: say({ en: 'Organisation', ja: '組織' }),
    hint: say({ en: 'Not here? Add it below first.', ja: '一覧にない場合は、先に下で追加してください。' }),
    control: select(organisations.map(({ name, title }) => [name, title === name ? name : `${title} (${name})`])),
  });

function inviteForm(organisation: Field): HTMLElement {
  const role = field({
    name: 'role',
    label: say({ en: 'What it may do', ja: '権限' }),
    control: select((['member', 'admin'] as const).map(name => [name, say(ROLES[name])])),
  });
  const countries = field({
    name: 'countries',
    label: say({ en: 'Countries whose sources it may read of', ja: '記録を閲覧できる送信元地域' }),
    hint: say({ en: 'Codes of ISO 3166-1: JP KR', ja: 'ISO 3166-1の2文字コード（例：JP KR）' }),
    control: input({ maxlength: 800 }),
    optional: true,
  });
  const asns = field({
    name: 'asns',
    label: say({ en: 'AS numbers', ja: 'AS番号' }),
    hint: say({ en: '64496 64497', ja: '例：64496 64497' }),
    control: input({ maxlength: 3000 }),
    optional: true,
  });
  const prefixes = field({
    name: 'prefixes',
    label: say({ en: 'Prefixes', ja: 'プレフィックス' }),
    hint: say({ en: 'One a line: 192.0.2.0/24', ja: '1行に1つ（例：192.0.2.0/24）' }),
    control: lines(2),
    optional: true,
  });
  const days = field({
    name: 'days',
    label: say({ en: 'For how many days the token is good', ja: 'トークンの有効日数' }),
    control: input({ value: 365, type: 'number', min: 1, max: 3650 }),
  });
  return form<Membership>({
    ...{ id: 'new-member', fields: [organisation, role, countries, asns, prefixes, days] },
    title: say({ en: 'Invite a member', ja: 'メンバーを招待' }),
    submit: say({ en: 'Make its token', ja: 'トークンを発行' }),
    send: () =>
      send('POST', '/v1/members', {
        organisation: organisation.control.value,
        role: role.control.value,
        countries: listOf(countries.control.value.toUpperCase()),
        asns: listOf(asns.control.value).map(text => Number(text.replace(/^AS/i, '')) || 0),
        prefixes: listOf(prefixes.control.value),
        days: Number(days.control.value),
      }),
    done: membership,
  });
}

/** What was added can be chosen at once. */
function organisationForm(choice: Field['control']): HTMLElement {
  const name = field({
    name: 'name',
    label: say({ en: 'Short name', ja: '短い名前' }),
    hint: say({
      en: 'Letters, digits, dots, dashes, underscores: example-csirt',
      ja: '英数字・ピリオド・ハイフン・アンダースコア（例：example-csirt）',
    }),
    control: input({ maxlength: 64 }),
  });
  const title = field({
    name: 'title',
    label: say({ en: 'What people call it', ja: '正式な名称' }),
    control: input({ maxlength: 500 }),
    optional: true,
  });
  return form<{ name: string }>({
    ...{ id: 'new-organisation', fields: [name, title] },
    title: say({ en: 'Add an organisation', ja: '組織を追加' }),
    submit: say({ en: 'Add it', ja: '追加' }),
    send: () => {
      const called = title.control.value.trim();
      return send('POST', '/v1/organisations', {
        name: name.control.value.trim(),
        ...(called !== '' && { title: called }),
      });
    },
    done: added => {
      choice.append(h('option', { value: added.name }, added.name));
      choice.value = added.name;
      return h('h3', { tabindex: -1 }, say({ en: `${added.name} is added`, ja: `${added.name}を追加しました` }));
    },
  });
}

/** The token's only moment. */
function membership({ organisation, token, expires }: Membership): HTMLElement {
  const link = `${location.origin}${pathOf.page('sign-in')}#${token}`;
  const part = (text: string, content: string) => h('li', {}, text, secret(text, content));
  return h(
    'section',
    { class: 'once', 'aria-labelledby': 'once' },
    h('h3', { id: 'once', tabindex: -1 }, say({ en: `For ${organisation}`, ja: `${organisation}へ渡してください` })),
    h(
      'p',
      { class: 'warn' },
      say({
        en: `Shown this once, good until ${momentText(expires)}. Send it over a way that only its reader can read.`,
        ja: `この画面に一度だけ表示されます（${momentText(expires)}まで有効）。本人だけが読める手段で送ってください。`,
      }),
    ),
    h(
      'ul',
      {},
      part(say({ en: 'Its token', ja: 'トークン' }), token),
      part(say({ en: 'A link that signs in', ja: 'サインイン用リンク' }), link),
    ),
  );
}

function list(members: readonly MemberRow[], changed: () => void): HTMLElement {
  const column = (text: string) => h('th', { scope: 'col' }, text);
  const head = h(
    'tr',
    {},
    column(say({ en: 'Organisation', ja: '組織' })),
    column(say({ en: 'Role', ja: '権限' })),
    column(say({ en: 'Reads sources of', ja: '閲覧できる送信元' })),
    column(say({ en: 'Token until', ja: 'トークン期限' })),
    h('td', { class: 'acts' }),
  );
  return h(
    'section',
    { class: 'ranking', 'aria-labelledby': 'members' },
    h('h2', { id: 'members' }, say({ en: 'Who is a member', ja: 'メンバー一覧' })),
    h(
      'div',
      { class: 'scroll', tabindex: 0, role: 'group', 'aria-labelledby': 'members' },
      h(
        'table',
        {},
        h('thead', {}, head),
        h(
          'tbody',
          {},
          members.map(one => row(one, changed)),
        ),
      ),
    ),
  );
}

function row(
  { organisation, role, countries, asns, prefixes, revoked, expires }: MemberRow,
  changed: () => void,
): HTMLElement {
  const place = h('td', { class: 'acts' });
  const path = `/v1/members/${encodeURIComponent(organisation)}`;
  const again = twice(
    say({ en: 'New token', ja: 'トークン再発行' }),
    say({
      en: `The old one of ${organisation} ends in a day. Go on?`,
      ja: `${organisation}の現在のトークンは1日後に無効になります。続けますか？`,
    }),
    () => troubleOf(send<Membership>('POST', `${path}/tokens`, {}), done => place.replaceChildren(membership(done))),
  );
  const revoke = twice(
    say({ en: 'Revoke', ja: '取り消し' }),
    say({ en: `Void the tokens of ${organisation}?`, ja: `${organisation}のトークンを無効にしますか？` }),
    () => troubleOf(send('DELETE', path), changed),
  );
  if (revoked === null) place.append(again, revoke);
  const scope = [...countries.map(economyText), ...asns.map(asn => `AS${asn}`), ...prefixes].join(', ');
  const all = say({ en: 'all', ja: 'すべて' });
  const none = say({ en: 'none', ja: 'なし' });
  return h(
    'tr',
    { class: revoked === null ? undefined : 'gone' },
    h('th', { scope: 'row' }, organisation),
    h('td', {}, say(ROLE_NAMES[role])),
    h('td', { class: 'much' }, role === 'admin' ? all : scope === '' ? none : scope),
    h('td', {}, revoked === null ? momentText(expires) : say({ en: 'revoked', ja: '取り消し済み' })),
    place,
  );
}
