/** What a page shows as its address says: the window and what is counted. Changing it changes the address, without a new page. */
import { isAsPublic } from './api.ts';
import { h, language, say } from './dom.ts';
import { COUNTS, type CountName, WINDOWS, type WindowName } from './windows.ts';

/** What the colour of a country on the map stands for. */
export const MEASURES = ['packets', 'sources', 'density'] as const;
export type MeasureName = (typeof MEASURES)[number];

export interface View {
  readonly window: WindowName;
  readonly count: CountName;
  readonly measure: MeasureName;
}

export function viewOf(search: string): View {
  const parameters = new URLSearchParams(search);
  const window = WINDOWS.find(name => name === parameters.get('window')) ?? 'week';
  const count = COUNTS.find(name => name === parameters.get('count')) ?? 'packets';
  const measure = MEASURES.find(name => name === parameters.get('measure')) ?? 'packets';
  return { window, count, measure };
}

function addressOf(view: View): string {
  const url = new URL(location.href);
  const set = (key: keyof View, usual: string) => {
    if (view[key] === usual) url.searchParams.delete(key);
    else url.searchParams.set(key, view[key]);
  };
  set('window', 'week');
  set('count', 'packets');
  set('measure', 'packets');
  return `${url.pathname}${url.search}`;
}

const WINDOW_NAMES = {
  week: { en: '1 week', ja: '1週間' },
  month: { en: '1 month', ja: '1か月' },
  quarter: { en: '3 months', ja: '3か月' },
  year: { en: '1 year', ja: '1年' },
} as const;
const COUNT_NAMES = {
  packets: { en: 'Packets', ja: 'パケット' },
  sources: { en: 'Sources', ja: '送信元' },
} as const;

const MEASURE_NAMES = {
  packets: { en: 'Packets', ja: 'パケット' },
  sources: { en: 'Sources', ja: '送信元' },
  density: { en: 'Sources per million addresses', ja: '送信元（対100万アドレス）' },
} as const;

export interface Choices {
  readonly windows?: readonly WindowName[];
  readonly withCount?: boolean;
  readonly withMeasure?: boolean;
}

/** Links, so that each view can be opened beside this one; followed here without loading the page again. */
export function controls(
  view: View,
  { windows = WINDOWS, withCount = false, withMeasure = false }: Choices,
  changed: () => void,
): HTMLElement {
  const link = (to: View, name: string, current: boolean) =>
    h(
      'a',
      {
        href: addressOf(to),
        'aria-current': current ? 'true' : undefined,
        click: event => {
          const { ctrlKey, metaKey, shiftKey } = event as MouseEvent;
          if (ctrlKey || metaKey || shiftKey) return;
          event.preventDefault();
          history.pushState(undefined, '', addressOf(to));
          changed();
        },
      },
      name,
    );
  const group = (name: string, links: HTMLElement[]) =>
    h('div', { class: 'switch', role: 'group', 'aria-label': name }, links);
  return h(
    'div',
    { class: 'controls' },
    group(
      say({ en: 'Window', ja: '期間' }),
      windows.map(window => link({ ...view, window }, WINDOW_NAMES[window][language], window === view.window)),
    ),
    withCount
      ? group(
          say({ en: 'What is counted', ja: '集計対象' }),
          COUNTS.map(count => link({ ...view, count }, COUNT_NAMES[count][language], count === view.count)),
        )
      : undefined,
    withMeasure
      ? group(
          say({ en: 'What is counted', ja: '集計対象' }),
          MEASURES.map(measure =>
            link({ ...view, measure }, MEASURE_NAMES[measure][language], measure === view.measure),
          ),
        )
      : undefined,
  );
}

/**
 * What leads to this page in the other language, and to the public's view of it or back from that, leads to what is shown. What stands
 * behind # goes along on *Days*, whose day it is, and nowhere else: on the page to sign in it is a token.
 */
export function followView(): void {
  const isDays = document.documentElement.dataset.page === 'days';
  const follow = (link: HTMLAnchorElement, key: string, value: string | undefined) => {
    const url = new URL(location.href);
    if (value === undefined) url.searchParams.delete(key);
    else url.searchParams.set(key, value);
    link.href = `${url.pathname}${url.search}${isDays ? url.hash : ''}`;
  };
  for (const link of document.querySelectorAll<HTMLAnchorElement>('header a[hreflang]'))
    follow(link, 'lang', link.hreflang);
  for (const link of document.querySelectorAll<HTMLAnchorElement>('.public-view, .as-public a'))
    follow(link, 'as', isAsPublic() ? undefined : 'public');
}
