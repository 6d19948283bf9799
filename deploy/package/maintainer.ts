/** Who answers for a package: its field Maintainer (Debian Policy 5.6.2). */

/** Of who names nobody: the administrator of the machine that it is installed on, who is likely to have built it. */
export const MAINTAINER_DEFAULT = 'Enaga local build <root@localhost>';

const MAINTAINER = /^[^<>\s][^<>\n]* <[^<>\s@]+@[^<>\s@]+>$/;

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * What was asked for, or what Debian's own tools take: DEBFULLNAME and DEBEMAIL, which may be `Name <mail>` by itself. Undefined if
 * it is no name with an address.
 */
export function maintainerOf(given: string | undefined, environment: Environment): string | undefined {
  const told = given ?? fromEnvironment(environment);
  return MAINTAINER.test(told) ? told : undefined;
}

function fromEnvironment({ DEBFULLNAME = '', DEBEMAIL = '' }: Environment): string {
  if (DEBEMAIL === '') return MAINTAINER_DEFAULT;
  const [, name, address] = /^(.*?)\s*<(.*)>$/.exec(DEBEMAIL) ?? ['', '', DEBEMAIL];
  return `${DEBFULLNAME || name} <${address}>`;
}
