/** What the pages read: /v1 and nothing else, as the public, or as the member whose token this tab holds. */
import './dom.ts';

const TOKEN = 'enaga-token';

/** The address asks for what the public sees: then nobody's token is sent. */
export const isAsPublic = (): boolean => new URLSearchParams(location.search).get('as') === 'public';
/** Whether it is sent or not. */
export const keptToken = (): string | undefined => sessionStorage.getItem(TOKEN) ?? undefined;
export const isSignedIn = (): boolean => keptToken() !== undefined;
export const tokenNow = (): string | undefined => (isAsPublic() ? undefined : keptToken());
export const keepToken = (token: string): void => sessionStorage.setItem(TOKEN, token);
export const forgetToken = (): void => sessionStorage.removeItem(TOKEN);
export const isMember = (): boolean => tokenNow() !== undefined;

let tokenEnded = (): void => {};
/** Told when the kept token turns out to be none any more, whatever part of the page it was sent for; it is forgotten by then. */
export const whenTokenEnds = (act: () => void): void => {
  tokenEnded = act;
};

/**
 * `none`: nothing is shown of it; `token`: it takes one, or this one will not do; `waiting`: the collector asks for time;
 * `uncounted`: it has nothing yet; `counting`: it counts it, or counts it again; `senderless`: nobody is named who sends its files;
 * `away`: what answers readers is not up at this moment; `unreachable`: no answer came; `broken`: an answer that is none.
 */
export type Trouble =
  | 'none'
  | 'token'
  | 'forbidden'
  | 'waiting'
  | 'uncounted'
  | 'counting'
  | 'senderless'
  | 'away'
  | 'unreachable'
  | 'broken';

export class Refused extends Error {
  readonly trouble: Trouble;
  /** When to come again. */
  readonly retrySeconds: number | undefined;

  constructor(trouble: Trouble, retrySeconds?: number) {
    super(trouble);
    this.trouble = trouble;
    this.retrySeconds = retrySeconds;
  }
}

const TROUBLES: Record<number, Trouble> = {
  400: 'none',
  401: 'token',
  403: 'forbidden',
  404: 'none',
  429: 'waiting',
};
/** Why there is no answer now, by the problem's code; whatever else answers 503, be it a proxy, is no word on what is counted. */
const UNAVAILABLE: ReadonlyMap<string, Trouble> = new Map([
  ['not-counted', 'uncounted'],
  ['being-counted', 'counting'],
  ['no-sender', 'senderless'],
]);

/** Of an answer to who sent `token`, which is forgotten if it is the kept one and refused. */
async function troubleOf(response: Response, token: string | undefined): Promise<Trouble> {
  if (response.status === 401 && token !== undefined && token === tokenNow()) {
    forgetToken();
    tokenEnded();
  }
  if (response.status !== 503) return TROUBLES[response.status] ?? 'broken';
  try {
    return UNAVAILABLE.get(codeOf((await response.json()) as Problem)) ?? 'away';
  } catch (error) {
    if ((error as Error).name === 'AbortError') throw error;
    return 'away';
  }
}

export interface Answer<Row> {
  readonly rows: readonly Row[];
  readonly next: string | null;
}

type Parameters = Readonly<Record<string, string | number | undefined>>;

/** Answers of the last minutes, by question, those on their way too: going back and forth between views asks nothing anew. */
const answers = new Map<string, Promise<unknown>>();
const answersMax = 400;
const triesMax = 4;
const waitSecondsMax = 15;

export const forgetAnswers = (): void => answers.clear();

/** Throws `Refused`, and what a signal throws. A token that is given is tried: if it is refused, the kept one does not end. */
export function ask<Row, Head = object>(
  path: string,
  parameters: Parameters = {},
  { signal, token: tried }: { signal?: AbortSignal; token?: string } = {},
): Promise<Answer<Row> & Head> {
  const token = tried ?? tokenNow();
  const url = addressOf(path, parameters);
  const key = `${url} ${token ?? ''}`;
  const known = answers.get(key);
  if (known !== undefined) return known as Promise<Answer<Row> & Head>;
  if (answers.size >= answersMax) answers.clear();
  const answer = answerTo<Answer<Row> & Head>(url, { signal, token, isTried: tried !== undefined });
  answers.set(key, answer);
  const forget = () => {
    if (answers.get(key) === answer) answers.delete(key);
  };
  signal?.addEventListener('abort', forget); // at once: who asks again must not get what was given up
  answer.then(() => signal?.removeEventListener('abort', forget), forget);
  return answer;
}

async function answerTo<T>(url: string, options: RequestOptions): Promise<T> {
  const response = await request(url, 'application/json', options);
  try {
    return (await response.json()) as T;
  } catch (error) {
    throw (error as Error).name === 'AbortError' ? error : new Refused('broken');
  }
}

function addressOf(path: string, parameters: Parameters): string {
  const url = new URL(path, location.origin);
  for (const [key, value] of Object.entries(parameters))
    if (value !== undefined) url.searchParams.set(key, String(value));
  return `${url.pathname}${url.search}`;
}

export interface ReaderRow {
  readonly role: 'public' | 'member' | 'admin';
  readonly organisation: string | null;
  readonly countries: readonly string[];
}

/** Who asks. Throws `Refused`. */
export const askReader = async (signal?: AbortSignal): Promise<ReaderRow> =>
  (await ask<ReaderRow>('/v1/reader', {}, { ...(signal && { signal }) })).rows[0]!;

/** What is refused, as /v1 says it. */
interface Problem {
  readonly type?: string;
  readonly errors?: readonly Fault[];
}

const codeOf = ({ type = '' }: Problem): string => type.replace('urn:enaga:problem:', '');

export interface Fault {
  /** JSON pointer into what was sent. */
  readonly at: string;
  readonly code: string;
  readonly message: string;
}

/** What was answered, or what is wrong, field by field; `problem` names it where no field does. */
export type Sent<T> =
  | { readonly ok: true; readonly done: T }
  | { readonly ok: false; readonly faults: readonly Fault[]; readonly problem: string };

/** Asks the collector to change something. Throws `Refused` where it says nothing of the fields. */
export async function send<T>(method: 'POST' | 'DELETE', path: string, body?: object): Promise<Sent<T>> {
  const token = tokenNow();
  const response = await fetched(path, {
    method,
    credentials: 'omit',
    headers: {
      accept: 'application/json',
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  if (response.ok) {
    forgetAnswers();
    return { ok: true, done: (await response.json()) as T };
  }
  if (![404, 409, 422].includes(response.status)) throw new Refused(await troubleOf(response, token));
  const problem = (await response.json()) as Problem;
  return { ok: false, faults: problem.errors ?? [], problem: codeOf(problem) };
}

/** A file of /v1, as whoever has signed in: a link could not carry the token. Throws `Refused`. */
export async function askFile(path: string): Promise<Blob> {
  return (await request(path, '*/*', { token: tokenNow() })).blob();
}

interface RequestOptions {
  readonly signal?: AbortSignal;
  readonly token?: string;
  /** It is not kept yet: that it is refused says nothing of the page. */
  readonly isTried?: boolean;
}

/** Asks again by itself where the collector says that it has been asked too much. */
async function request(
  url: string,
  accept: string,
  { signal, token, isTried = false }: RequestOptions,
): Promise<Response> {
  const headers = { accept, ...(token !== undefined && { authorization: `Bearer ${token}` }) };
  for (let tries = 1; ; tries++) {
    const response = await fetched(url, {
      headers,
      credentials: 'omit',
      ...(signal !== undefined && { signal }),
    });
    if (response.ok) return response;
    const given = Number(response.headers.get('retry-after') ?? Number.NaN);
    const seconds = Number.isFinite(given) ? given : undefined;
    const again = response.status === 429 && seconds !== undefined && seconds <= waitSecondsMax && tries < triesMax;
    if (!again) throw new Refused(await troubleOf(response, isTried ? undefined : token), seconds);
    await new Promise(resolve => setTimeout(resolve, seconds * 1000 * (1 + Math.random())));
    signal?.throwIfAborted();
  }
}

async function fetched(url: string, options: RequestInit): Promise<Response> {
  try {
    return await fetch(url, options);
  } catch (error) {
    throw (error as Error).name === 'AbortError' ? error : new Refused('unreachable');
  }
}

/** The answer, or `otherwise` where nothing is shown of it. */
export async function orNone<T, U>(answer: Promise<T>, otherwise: U): Promise<T | U> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof Refused && error.trouble === 'none') return otherwise;
    throw error;
  }
}
