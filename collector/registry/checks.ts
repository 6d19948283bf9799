/** What is refused of what an admin gives, in words that an admin can act on. */

const NAME = /^[A-Za-z0-9._-]{1,64}$/;
const textLengthMax = 500;

/** What an admin asked for cannot be done; the message says why. */
export class RegistryError extends Error {
  override readonly name = 'RegistryError';
}

export function assertName(what: string, name: string): void {
  if (!NAME.test(name))
    throw new RegistryError(`'${name}' is no name of a ${what}: letters, digits, dot, dash and underscore, at most 64`);
}

export function assertText(what: string, text: string): void {
  if (text.trim() === '' || text.length > textLengthMax)
    throw new RegistryError(`the ${what} is to have 1 to ${textLengthMax} characters`);
}
