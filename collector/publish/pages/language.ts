/** Which of the two languages a reader is met in. */
import type { Language } from '../words.ts';

/** As the address says (`?lang=`), else the one its browser likes better, else English. */
export function languageFor(asked: string | undefined, accepted: string | undefined): Language {
  if (asked === 'en' || asked === 'ja') return asked;
  const weights = { en: 0, ja: 0 };
  for (const part of (accepted ?? '').toLowerCase().split(',')) {
    const [tag = '', ...parameters] = part.split(';').map(one => one.trim());
    const language = tag.split('-')[0]!;
    if (language !== 'en' && language !== 'ja') continue;
    const q = parameters.find(one => one.startsWith('q='));
    weights[language] = Math.max(weights[language], q === undefined ? 1 : Number(q.slice(2)) || 0);
  }
  return weights.ja > weights.en ? 'ja' : 'en';
}
