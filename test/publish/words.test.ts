/** Shares in sentences: nothing is said to be all or none of a whole that is not. */
import { expect, test } from 'vitest';
import { roughShare } from '../../collector/publish/words.ts';

test.each([
  [0, 7, '0%', '0%'],
  [4, 1000, 'less than 1%', '1%未満'],
  [9, 1000, 'less than 1%', '1%未満'],
  [1, 100, '1%', '1%'],
  [994, 1000, '99%', '99%'],
  [995, 1000, 'more than 99%', '99%超'],
  [999_999, 1_000_000, 'more than 99%', '99%超'],
  [0.7 + 0.1 + 0.2, 1, '100%', '100%'], // a little less than 1, as they are added up
  [5, 5, '100%', '100%'],
  [0, 0, '–', '–'],
])('%d of %d is %s', (part, whole, en, ja) => {
  expect(roughShare(part, whole)).toEqual({ en, ja });
});
