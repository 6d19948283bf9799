/** Forms that an admin fills in: fields with their hints and faults beside them, and tokens that are shown once. */
import { type Fault, Refused, type Sent } from './api.ts';
import { type Child, h, say } from './dom.ts';
import { troubleTitle } from './states.ts';

type Control = HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement;

export interface Field {
  /** As in what is sent: faults name it. */
  readonly name: string;
  readonly control: Control;
  readonly element: HTMLElement;
  /** Values that it stands for, where it is a list: faults name them by their number. */
  readonly values: () => readonly string[];
  readonly tell: (faults: readonly string[]) => void;
  /** What is said where nothing was given, if there is more to say than that. */
  readonly missing: string | undefined;
}

export interface FieldOptions {
  readonly name: string;
  readonly label: string;
  readonly hint?: string;
  readonly control: Control;
  readonly optional?: boolean;
  readonly missing?: string;
}

export function field({ name, label, hint, control, optional = false, missing }: FieldOptions): Field {
  const id = `field-${name}`;
  control.id = id;
  control.setAttribute('name', name);
  if (!optional) control.required = true;
  const said = h('p', { class: 'fault', id: `${id}-fault` });
  const hinted = hint === undefined ? undefined : h('p', { class: 'note', id: `${id}-hint` }, hint);
  control.setAttribute('aria-describedby', hinted === undefined ? said.id : `${hinted.id} ${said.id}`);
  const marks = optional ? h('span', { class: 'sub' }, say({ en: ' (optional)', ja: '（任意）' })) : undefined;
  return {
    ...{ name, control, missing },
    element: h('div', { class: 'field' }, h('label', { for: id }, label, marks), control, hinted, said),
    values: () => listOf(control.value),
    tell: faults => {
      said.textContent = faults.join(' ');
      if (faults.length === 0) control.removeAttribute('aria-invalid');
      else control.setAttribute('aria-invalid', 'true');
    },
  };
}

/** What stands in a list, between spaces, commas or lines. */
export const listOf = (text: string): string[] => text.split(/[\s,、，]+/).filter(part => part !== '');

export const input = (attributes: Readonly<Record<string, string | number>> = {}): HTMLInputElement =>
  h('input', { type: 'text', autocomplete: 'off', autocapitalize: 'none', spellcheck: 'false', ...attributes });
export const lines = (rows: number): HTMLTextAreaElement =>
  h('textarea', { rows, autocomplete: 'off', autocapitalize: 'none', spellcheck: 'false' });
export const select = (options: readonly (readonly [value: string, text: string])[]): HTMLSelectElement =>
  h(
    'select',
    {},
    options.map(([value, text]) => h('option', { value }, text)),
  );

/** In the reader's language; a code that this page does not know is said as the collector says it. */
const FAULTS: Readonly<Record<string, { en: string; ja: string }>> = {
  missing: { en: 'This is wanted.', ja: '入力してください。' },
  form: { en: 'This has another form than is wanted.', ja: '形式が正しくありません。' },
  name: {
    en: 'Letters, digits, dots, dashes and underscores, at most 64.',
    ja: '英数字、ピリオド、ハイフン、アンダースコアを64文字以内で入力してください。',
  },
  title: { en: '1 to 500 characters.', ja: '1～500文字で入力してください。' },
  taken: {
    en: 'This name is taken; names are never used again.',
    ja: 'この名前は使用済みです（一度使った名前は再利用できません）。',
  },
  'no-organisation': {
    en: 'There is no such organisation: add it first.',
    ja: '該当する組織がありません。先に組織を追加してください。',
  },
  economy: {
    en: 'Two letters that ISO 3166-1 assigns, like JP.',
    ja: 'ISO 3166-1の2文字コード（例：JP）を入力してください。',
  },
  country: { en: 'is no code of ISO 3166-1, like JP.', ja: 'はISO 3166-1の2文字コード（例：JP）ではありません。' },
  network: {
    en: 'is no network, like 192.0.2.0/24 or 2001:db8::/48.',
    ja: 'はネットワーク（例：192.0.2.0/24、2001:db8::/48）ではありません。',
  },
  overlap: { en: 'overlaps with another one of these.', ja: 'は他の行と重複しています。' },
  observed: { en: 'overlaps with what another sensor observes.', ja: 'は他のセンサーの観測範囲と重複しています。' },
  prefix: { en: 'is no prefix, like 192.0.2.0/24.', ja: 'はプレフィックス（例：192.0.2.0/24）ではありません。' },
  asn: { en: 'is no AS number: 1 to 4294967295.', ja: 'はAS番号（1～4294967295）ではありません。' },
  collector: {
    en: 'Scheme, host and port alone, like https://collector.example:8740.',
    ja: 'スキーム・ホスト・ポートのみを入力してください（例：https://collector.example:8740）。',
  },
  member: {
    en: 'This organisation is a member already: give it another token below, or revoke it first.',
    ja: 'この組織はすでにメンバーです。下の一覧でトークンを再発行するか、先に取り消してください。',
  },
};

const PROBLEMS: Readonly<Record<string, { en: string; ja: string }>> = {
  'no-sensor': { en: 'There is no such sensor any more.', ja: '該当するセンサーはもうありません。' },
  'no-member': { en: 'There is no such member any more.', ja: '該当するメンバーはもうありません。' },
  own: { en: 'You cannot shut yourself out.', ja: '自分自身を取り消すことはできません。' },
  changed: {
    en: 'Somebody else changed this just now: try again.',
    ja: '他の管理者が同時に変更しました。もう一度お試しください。',
  },
};

/** "10.0.0.0/33 is no network", where the fault is of one value of a list. */
function faultText({ at, code, message }: Fault, { values, missing }: Field): string {
  if (code === 'missing' && missing !== undefined) return missing;
  const text = Object.hasOwn(FAULTS, code) ? say(FAULTS[code]!) : message;
  const [, , number] = at.split('/');
  const value = number === undefined ? undefined : values()[Number(number)];
  return value === undefined ? text : say({ en: `${value} ${text}`, ja: `${value} ${text}` });
}

export interface FormOptions<Answer> {
  readonly title: string;
  readonly id: string;
  readonly intro?: Child;
  readonly fields: readonly Field[];
  readonly submit: string;
  readonly send: () => Promise<Sent<Answer>>;
  /** What comes of it is shown below the form. */
  readonly done: (answer: Answer) => HTMLElement;
}

export function form<Answer>({ title, id, intro, fields, submit, send, done }: FormOptions<Answer>): HTMLElement {
  const said = h('p', { class: 'said', role: 'alert' });
  const result = h('div', { class: 'result', 'aria-live': 'polite' });
  const button = h('button', { type: 'submit', class: 'button strong' }, submit);
  const told = async () => {
    try {
      const sent = await send();
      for (const one of fields) one.tell([]);
      if (sent.ok) {
        result.replaceChildren(done(sent.done));
        return '';
      }
      return tellFaults(fields, sent.faults) ?? problemText(sent.problem);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      return troubleTitle(error.trouble);
    }
  };
  const submitted = async (event: Event) => {
    event.preventDefault();
    button.disabled = true;
    said.textContent = '';
    said.textContent = await told();
    button.disabled = false;
    const wrong = fields.find(({ control }) => control.getAttribute('aria-invalid') === 'true');
    if (wrong !== undefined) wrong.control.focus();
    else if (said.textContent === '') result.querySelector('h3')?.focus();
  };
  return h(
    'section',
    { class: 'form', 'aria-labelledby': id },
    h('h2', { id }, title),
    intro === undefined ? undefined : h('p', { class: 'note' }, intro),
    h(
      'form',
      { submit: submitted, novalidate: true },
      fields.map(({ element }) => element),
      button,
      said,
    ),
    result,
  );
}

const problemText = (problem: string): string =>
  Object.hasOwn(PROBLEMS, problem) ? say(PROBLEMS[problem]!) : troubleTitle('broken');

/** Each at its field; undefined if none of them is of a field. */
function tellFaults(fields: readonly Field[], faults: readonly Fault[]): string | undefined {
  let told = 0;
  for (const one of fields) {
    const ours = faults.filter(({ at }) => at.split('/')[1] === one.name);
    one.tell([...new Set(ours.map(fault => faultText(fault, one)))]);
    if (ours.length > 0) told++;
  }
  if (told === 0) return undefined;
  return say({
    en: told === 1 ? 'One field needs a look.' : `${told} fields need a look.`,
    ja: `${told}件の項目を確認してください。`,
  });
}

/** What is shown once, with what copies it. */
export function secret(label: string, text: string): HTMLElement {
  const code = h('code', { tabindex: 0, role: 'textbox', 'aria-readonly': 'true', 'aria-label': label }, text);
  const copied = h('span', { class: 'note', role: 'status' });
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      copied.textContent = say({ en: 'Copied', ja: 'コピーしました' });
    } catch {
      getSelection()?.selectAllChildren(code); // where the page may not write to the clipboard, its reader can
      copied.textContent = say({
        en: 'Selected: copy it with the keyboard',
        ja: '選択しました。キーボードでコピーしてください',
      });
    }
  };
  return h(
    'div',
    { class: 'secret' },
    h('pre', {}, code),
    h(
      'p',
      {},
      h('button', { type: 'button', class: 'button', click: copy }, say({ en: 'Copy', ja: 'コピー' })),
      ' ',
      copied,
    ),
  );
}

/** A button that asks once more, in its place, before it does what cannot be taken back. */
export function twice(label: string, question: string, act: () => Promise<string | undefined>): HTMLElement {
  const place = h('span', { class: 'twice' });
  const plain = (text: string, click: () => void, strong = false) =>
    h('button', { type: 'button', class: strong ? 'button danger' : 'button', click }, text);
  const rest = () => place.replaceChildren(plain(label, ask));
  const ask = () => {
    const no = plain(say({ en: 'No', ja: 'いいえ' }), () => {
      rest();
      place.querySelector('button')!.focus();
    });
    const yes = plain(say({ en: 'Yes', ja: 'はい' }), () => void done(), true);
    place.replaceChildren(h('span', { role: 'alert' }, question), ' ', yes, ' ', no);
    no.focus();
  };
  const done = async () => {
    const trouble = await act();
    if (trouble === undefined) return;
    place.replaceChildren(plain(label, ask), ' ', h('span', { class: 'fault', role: 'alert' }, trouble));
  };
  rest();
  return place;
}

/** What went wrong, in words; undefined if nothing did. */
export async function troubleOf<Answer>(
  sending: Promise<Sent<Answer>>,
  then: (answer: Answer) => void,
): Promise<string | undefined> {
  try {
    const sent = await sending;
    if (!sent.ok) return problemText(sent.problem);
    then(sent.done);
    return undefined;
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return troubleTitle(error.trouble);
  }
}
