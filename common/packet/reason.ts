/** What the system says of a file, in words rather than in codes. */
export function systemReason({ code, message }: NodeJS.ErrnoException): string {
  if (code === 'ENOENT') return 'there is no such file';
  if (code === 'EACCES') return 'it may not be read by this user';
  if (code === 'EISDIR') return 'it is a directory: name the captures in it';
  return message;
}
