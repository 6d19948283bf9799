/** Parts of a page that come later than the rest: each holds its place, and says for itself if it cannot come. */
import { Refused, type Trouble } from './api.ts';
import { h, say } from './dom.ts';
import { troubled } from './states.ts';

const pending = new Set<Promise<void>>();
/** Why slots could not be filled, as far as nobody has asked. */
let refusals: Refused[] = [];

/** What kept slots empty since this was asked last. */
export function takeRefusals(): readonly Refused[] {
  const taken = refusals;
  refusals = [];
  return taken;
}

/** A place for what is on its way; undefined comes to nothing. What stands there if it cannot come may have words of its own. */
export function slot(
  name: string,
  coming: Promise<HTMLElement | undefined>,
  failed: (trouble: Trouble) => HTMLElement = troubled,
): HTMLElement {
  const place = h(
    'div',
    { class: `slot ${name}`, 'aria-busy': 'true' },
    h('p', { class: 'note' }, say({ en: 'Loading …', ja: '読み込み中…' })),
  );
  const done = coming.then(
    part => fill(place, part),
    error => {
      if ((error as Error).name === 'AbortError') return;
      if (!(error instanceof Refused)) console.error(error);
      const refused = error instanceof Refused ? error : new Refused('broken');
      refusals.push(refused);
      fill(place, failed(refused.trouble));
    },
  );
  const settled = done.finally(() => pending.delete(settled));
  pending.add(settled);
  return place;
}

/** The place stays: it may not be on the page yet. */
function fill(place: HTMLElement, part: HTMLElement | undefined): void {
  place.replaceChildren(...(part === undefined ? [] : [part]));
  place.className = 'filled';
  place.removeAttribute('aria-busy');
}

/** When every slot that was made has what it waits for. */
export async function allFilled(): Promise<void> {
  while (pending.size > 0) await Promise.all(pending);
}
