/** A long-tailed tit, which is what an enaga is: for the tab, and with the page's own ink for its head. */

const drawing = (ink: string): string =>
  `<path d="M36 30 59 3l4 3L43 38z" fill="${ink}"/><path d="M22 55v7m8-7v7" stroke="${ink}" stroke-width="2.5" stroke-linecap="round"/><ellipse cx="26" cy="37" rx="21" ry="20" fill="#fff" stroke="${ink}" stroke-width="2.5"/><path d="M27 34c8-6 17-5 20 1-1 8-7 13-15 13-1-6-2-10-5-14z" fill="${ink}"/><circle cx="16" cy="33" r="2.8" fill="#1d2023"/><path d="m7 37-5 2 5 2.5z" fill="${ink}"/>`;

export const BIRD = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64">${drawing('#4a5057')}</svg>`;
export const BIRD_INLINE = `<svg viewBox="0 0 64 64" aria-hidden="true">${drawing('var(--ink)')}</svg>`;
