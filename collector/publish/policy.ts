/** What a page may do that loads nothing but the style sheet and pictures of this server, as its Content-Security-Policy. */
import { createHash } from 'node:crypto';

/** What stands in the page is let in by its hash: `style`, and what it runs, if anything. */
export const stillPolicy = (style: string, script?: string): string =>
  [
    "default-src 'none'",
    ...(script === undefined ? [] : [`script-src ${hashOf(script)}`]),
    `style-src 'self' ${hashOf(style)}`,
    "img-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');

const hashOf = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
