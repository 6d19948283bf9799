/** An admin enrols a sensor: what it is, the command that makes it one, and what sensors there are. */
import { ask, askReader, isMember, send } from './api.ts';
import { h, pathOf, say } from './dom.ts';
import { type Field, field, form, input, lines, listOf, secret, select, troubleOf, twice } from './form.ts';
import type { SensorInfo } from './rows.ts';
import { economyText, enrolmentText, momentText } from './sentences.ts';
import { adminsOnly, signInFirst } from './states.ts';
import type { View } from './view.ts';

interface OrganisationRow {
  readonly name: string;
  readonly title: string;
}

interface Enrolment {
  readonly sensor: string;
  readonly token: string;
  readonly expires: string;
  readonly enrol: string;
}

export async function enrolPage(_view: View, changed: () => void, signal: AbortSignal): Promise<HTMLElement[]> {
  if (!isMember()) return [signInFirst()];
  if ((await askReader(signal)).role !== 'admin') return [adminsOnly()];
  const [{ rows: organisations }, { rows: sensors }] = await Promise.all([
    ask<OrganisationRow>('/v1/organisations', {}, { signal }),
    ask<SensorInfo>('/v1/sensors', {}, { signal }),
  ]);
  const registered = h('div', {}, list(sensors, changed));
  const renew = async () => {
    const { rows } = await ask<SensorInfo>('/v1/sensors', {}, { signal });
    registered.replaceChildren(list(rows, changed));
  };
  return [
    h(
      'div',
      { class: 'lead' },
      h('p', { class: 'when' }, h('a', { href: pathOf.page('sensors') }, say({ en: 'Sensors', ja: 'センサー' }))),
      h('h1', {}, say({ en: 'Enrol a sensor', ja: 'センサーの登録' })),
    ),
    h(
      'div',
      { class: 'desk' },
      organisations.length === 0 ? noOrganisation() : enrolForm(organisations, renew),
      registered,
    ),
  ];
}

const noOrganisation = (): HTMLElement =>
  h(
    'p',
    { class: 'warn' },
    say({ en: 'A sensor has an owner: ', ja: 'センサーには所有組織が必要です。' }),
    h(
      'a',
      { href: pathOf.page('members') },
      say({ en: 'add an organisation first', ja: '先に組織を追加してください' }),
    ),
  );

/** `renew`: a sensor was added. The page itself stays, for it shows a token this once. */
function enrolForm(organisations: readonly OrganisationRow[], renew: () => Promise<void>): HTMLElement {
  const fields = {
    name: field({
      name: 'name',
      label: say({ en: 'Name', ja: '名前' }),
      hint: say({
        en: 'Letters, digits, dots, dashes, underscores: tokyo-1',
        ja: '英数字・ピリオド・ハイフン・アンダースコア（例：tokyo-1）',
      }),
      control: input({ maxlength: 64 }),
    }),
    owner: field({
      name: 'owner',
      label: say({ en: 'Owner', ja: '所有組織' }),
      control: select(organisations.map(({ name, title }) => [name, title === name ? name : `${title} (${name})`])),
    }),
    economy: field({
      name: 'economy',
      label: say({ en: 'Where it stands', ja: '設置地域' }),
      hint: say({ en: 'Two letters of ISO 3166-1: JP', ja: 'ISO 3166-1の2文字コード（例：JP）' }),
      control: input({ maxlength: 2, size: 4 }),
    }),
    networks: field({
      name: 'networks',
      label: say({ en: 'Networks it observes', ja: '観測するネットワーク' }),
      hint: say({ en: 'One a line: 192.0.2.0/24', ja: '1行に1つ（例：192.0.2.0/24）' }),
      missing: say({ en: 'Give at least one network.', ja: 'ネットワークを1つ以上入力してください。' }),
      control: lines(3),
    }),
    collector: field({
      name: 'collector',
      label: say({ en: 'Where it reaches this collector', ja: 'センサーから見たコレクターのURL' }),
      hint: say({ en: 'For the command below', ja: '下に表示するコマンドで使います' }),
      control: input({ value: location.origin, maxlength: 300, type: 'url' }),
    }),
  };
  return form<Enrolment>({
    ...{ id: 'new-sensor', fields: Object.values(fields) },
    title: say({ en: 'A new sensor', ja: '新しいセンサー' }),
    submit: say({ en: 'Make its token', ja: 'トークンを発行' }),
    send: () => send('POST', '/v1/sensors', bodyOf(fields)),
    done: made => {
      renew().catch(() => {}); // the sensor is added, whether it can be listed now or not
      return enrolment(made);
    },
  });
}

const bodyOf = ({
  name,
  owner,
  economy,
  networks,
  collector,
}: Record<'name' | 'owner' | 'economy' | 'networks' | 'collector', Field>) => ({
  name: name.control.value.trim(),
  owner: owner.control.value,
  economy: economy.control.value.trim().toUpperCase(),
  networks: listOf(networks.control.value),
  collector: collector.control.value.trim().replace(/\/+$/, ''),
});

/** The token's only moment. */
function enrolment({ sensor, token, enrol, expires }: Enrolment): HTMLElement {
  const step = (text: string, command: string) => h('li', {}, text, secret(text, command));
  return h(
    'section',
    { class: 'once', 'aria-labelledby': 'once' },
    h(
      'h3',
      { id: 'once', tabindex: -1 },
      say({ en: `${sensor}: run this on the sensor`, ja: `${sensor}：センサーで実行してください` }),
    ),
    h(
      'p',
      { class: 'warn' },
      say({
        en: `The token is shown this once. It enrols one sensor, until ${momentText(expires)}.`,
        ja: `トークンはこの画面に一度だけ表示されます。${momentText(expires)}まで、1台の登録に使えます。`,
      }),
    ),
    h(
      'ol',
      {},
      step(
        say({
          en: 'Enrol it; where the collector’s certificate is of an authority of your own, add --ca FILE',
          ja: '登録する（独自の認証局の証明書を使うコレクターでは、--ca FILEを加えてください）',
        }),
        enrol,
      ),
      step(say({ en: 'It asks for the token', ja: 'トークンを尋ねられたら入力する' }), token),
      step(say({ en: 'See that everything is there', ja: '環境を確認する' }), 'enaga-sensor check'),
    ),
  );
}

function list(sensors: readonly SensorInfo[], changed: () => void): HTMLElement {
  const title = h('h2', { id: 'registered' }, say({ en: 'Registered sensors', ja: 'センサー一覧' }));
  const column = (text: string) => h('th', { scope: 'col' }, text);
  const head = h(
    'tr',
    {},
    column(say({ en: 'Sensor', ja: 'センサー' })),
    column(say({ en: 'State', ja: '状態' })),
    column(say({ en: 'Where, what', ja: '地域・観測範囲' })),
    column(say({ en: 'Last batch', ja: '最終受信' })),
    h('td', { class: 'acts' }),
  );
  if (sensors.length === 0)
    return h(
      'section',
      { 'aria-labelledby': 'registered' },
      title,
      h('p', { class: 'note' }, say({ en: 'None yet.', ja: 'まだありません。' })),
    );
  return h(
    'section',
    { class: 'ranking', 'aria-labelledby': 'registered' },
    title,
    h(
      'div',
      { class: 'scroll', tabindex: 0, role: 'group', 'aria-labelledby': 'registered' },
      h(
        'table',
        {},
        h('thead', {}, head),
        h(
          'tbody',
          {},
          sensors.map(one => row(one, changed)),
        ),
      ),
    ),
  );
}

function row(info: SensorInfo, changed: () => void): HTMLElement {
  const { sensor, owner, economy, networks, lastBatch } = info;
  const place = h('td', { class: 'acts' });
  const path = `/v1/sensors/${encodeURIComponent(sensor)}`;
  const again = twice(
    say({ en: 'New token', ja: 'トークン再発行' }),
    say({
      en: `${sensor} must enrol again with it. Go on?`,
      ja: `${sensor}は新しいトークンで再登録が必要です。続けますか？`,
    }),
    () =>
      troubleOf(send<Enrolment>('POST', `${path}/tokens`, { collector: location.origin }), done =>
        place.replaceChildren(enrolment(done)),
      ),
  );
  const revoke = twice(
    say({ en: 'Revoke', ja: '取り消し' }),
    say({ en: `Refuse ${sensor} for good?`, ja: `${sensor}を永久に拒否しますか？` }),
    () => troubleOf(send('DELETE', path), changed),
  );
  if (info.state !== 'revoked') place.append(again, revoke);
  return h(
    'tr',
    { class: info.state === 'revoked' ? 'gone' : undefined },
    h(
      'th',
      { scope: 'row' },
      h('a', { href: pathOf.sensor(sensor) }, sensor),
      h('br'),
      h('span', { class: 'sub' }, owner),
    ),
    h('td', { class: 'much' }, enrolmentText(info.state)),
    h('td', { class: 'much' }, economyText(economy), h('br'), h('span', { class: 'sub' }, networks.join(', '))),
    h('td', {}, momentText(lastBatch)),
    place,
  );
}
