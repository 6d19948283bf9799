/**
 * The colours of charts and pages, as CSS variables for light, dark and paper. Series colours are Okabe and Ito's
 * (colour-blind safe), darkened or lightened until each has a contrast of at least 3 to its ground; a test says so. A
 * series is never told by colour alone: it carries its label and its place. Levels are steps of one blue, told by how light they
 * are, so that they are in order for everybody and on grey paper; the most stands out against the ground, light or dark.
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
    'level-0': '#efece5',
    'level-1': '#cfe1f1',
    'level-2': '#9cc5e2',
    'level-3': '#5c9fcd',
    'level-4': '#2271ae',
    'level-5': '#0a3d70',
    hatch: '#a19d94',
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
    'level-0': '#24292e',
    'level-1': '#173a56',
    'level-2': '#1f5c88',
    'level-3': '#3a86ba',
    'level-4': '#7cb8e2',
    'level-5': '#d3eafb',
    hatch: '#7b838b',
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

/** The colour of a series by its rank, from 0; all of which others are parts is grey too. */
export const seriesColour = (rank: number, key: string): string =>
  key === 'other' || key === 'all' || rank >= SERIES_COLOURS_MAX ? OTHER_COLOUR : `var(--series-${rank + 1})`;

/** Of a map or a heat map: the steps of its levels above nothing. */
export const LEVELS_MAX = 5;

/** The colour of a level of `levels`, from 1; 0 is nothing at all. Fewer levels are spread over the whole scale. */
export const levelColour = (level: number, levels: number): string =>
  `var(--level-${level === 0 ? 0 : levels === 1 ? 3 : 1 + Math.round(((level - 1) * (LEVELS_MAX - 1)) / (levels - 1))})`;
