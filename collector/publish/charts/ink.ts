/**
 * The colours of charts and pages, as CSS variables for light, dark and paper. Series colours are Okabe and Ito's
 * (colour-blind safe), darkened or lightened until each has a contrast of at least 3 to its ground; a test says so. A
 * series is never told by colour alone: it carries its label and its place.
 */

const SERIES_COLOURS_MAX = 5;

export const INK = {
  light: {
    ground: '#fbfaf7',
    raised: '#ffffff',
    ink: '#1d2023',
    quiet: '#5b6168',
    rule: '#e4e1da',
    'rule-strong': '#b9b6ae',
    accent: '#0072b2',
    warn: '#a34700',
    'series-1': '#0072b2',
    'series-2': '#d55e00',
    'series-3': '#008766',
    'series-4': '#a8518a',
    'series-5': '#b07a00',
    'series-other': '#8a8f94',
  },
  dark: {
    ground: '#15181b',
    raised: '#1b1f23',
    ink: '#e8e6e1',
    quiet: '#9aa1a8',
    rule: '#2a2f34',
    'rule-strong': '#4a5057',
    accent: '#7cc4ee',
    warn: '#f0a06a',
    'series-1': '#56b4e9',
    'series-2': '#e8833a',
    'series-3': '#2fb98f',
    'series-4': '#d58fbd',
    'series-5': '#e6b53d',
    'series-other': '#787f86',
  },
} as const;

const variables = (inks: Readonly<Record<string, string>>): string =>
  Object.entries(inks)
    .map(([name, value]) => `--${name}:${value}`)
    .join(';');

/** The variables for a page: light, dark where the reader prefers it, light again on paper. */
export const inkCss = (): string =>
  `:root{color-scheme:light dark;${variables(INK.light)}}
@media (prefers-color-scheme:dark){:root{${variables(INK.dark)}}}
@media print{:root{color-scheme:light;${variables({ ...INK.light, ground: '#ffffff' })}}}`;

/** Grey: whoever is in "other" is nobody in particular. */
export const OTHER_COLOUR = 'var(--series-other)';

/** The colour of a series by its rank, from 0. */
export const seriesColour = (rank: number, key: string): string =>
  key === 'other' || rank >= SERIES_COLOURS_MAX ? OTHER_COLOUR : `var(--series-${rank + 1})`;
