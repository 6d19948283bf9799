/** A port by its number: a field, and the way to that port's page. Most ports are in no list of the busiest. */
import { targetWritten } from '../../targets.ts';
import { h, pathOf, say } from './dom.ts';
import { input } from './form.ts';
import { state } from './states.ts';

/** What a reader has typed when the page is renewed, and the field that takes the place of the one that is shown. */
let typed = '';
let newest: HTMLInputElement | undefined;

export function portLookup(): HTMLElement {
  const said = h('p', { class: 'fault', id: 'lookup-fault', role: 'alert' });
  const control = input({ id: 'lookup', name: 'port', size: 12, maxlength: 40, 'aria-describedby': said.id });
  control.value = typed;
  newest = control;
  control.addEventListener('input', () => {
    typed = control.value;
    if (newest !== undefined && newest !== control) newest.value = typed;
  });
  const submit = (event: Event) => {
    event.preventDefault();
    const label = targetWritten(control.value);
    if (label !== undefined) {
      said.textContent = '';
      control.removeAttribute('aria-invalid');
      location.assign(pathOf.port(label));
      return;
    }
    said.textContent = say({ en: 'A port is written like 8545/tcp.', ja: '8545/tcpのように入力してください。' });
    control.setAttribute('aria-invalid', 'true');
    control.focus();
  };
  return h(
    'form',
    { class: 'pick lookup', role: 'search', novalidate: true, submit },
    h('label', { for: control.id }, say({ en: 'Port, e.g. 8545/tcp', ja: 'ポート番号（例: 8545/tcp）' })),
    control,
    h('button', { type: 'submit', class: 'button' }, say({ en: 'Look up', ja: '調べる' })),
    said,
  );
}

/** Where a port's address has no port. */
export const portsPage = async (): Promise<HTMLElement[]> => [
  state(
    'ports',
    say({ en: 'Look up a port', ja: 'ポートを調べる' }),
    portLookup(),
    h('p', {}, h('a', { href: pathOf.page('') }, say({ en: 'The busiest ports of the week', ja: '今週の上位ポート' }))),
  ),
];
