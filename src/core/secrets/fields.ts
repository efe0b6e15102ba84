import { isMask } from './rules.ts';

/**
 * Secrets without a shape of their own are known by the name of their field. How much the name says decides how much
 * the value must look like a secret. Names are compared by whole words, so KEYBOARD and TOKENIZER_PATH say nothing.
 */
export type Secrecy = 'none' | 'likely' | 'explicit';

const EXPLICIT_WORDS = new Set(
  'token tokens secret secrets password passwd passphrase pwd apikey credential credentials authorization bearer'.split(
    ' ',
  ),
);
/** Names written in one piece, such as GITHUBTOKEN. */
const EXPLICIT_ENDINGS = ['token', 'secret', 'password', 'passwd', 'passphrase', 'apikey', 'secretkey', 'accesskey'];
const LIKELY_WORDS = new Set('key auth cookie session jwt pass pat'.split(' '));
/** `X_KEY` with one of these before `KEY` names a secret and nothing else. */
const SECRET_KEY_KINDS = new Set(
  'api secret private access signing encryption master service auth account shared storage admin role app'.split(' '),
);
/** `PUBLIC_KEY`, `MAX_TOKENS`, `SORT_KEY`: the word before says that it is no secret. */
const HARMLESS_BEFORE = new Set(
  'public publishable primary foreign partition sort row cache hot idempotency shortcut max min num total input output completion prompt stop pad eos bos no skip use enable disable require'.split(
    ' ',
  ),
);
/** What may follow the word without changing its meaning: `API_KEY_PROD`, `TOKEN_2`. */
const SAME_MEANING =
  /^(?:[0-9]+|value|prod|production|dev|development|staging|stage|test|default|primary|secondary|old|new|b64|base64|literal|string)$/;
/** What makes the name speak about a secret instead of holding it: `TOKEN_FILE`, `AUTH_METHOD`. */
const ABOUT = new Set(
  'file files path paths dir directory folder url uri endpoint host hostname port name names id ids type kind mode method scheme strategy provider source store storage backend manager command cmd helper ttl timeout expiry expires expiration lifetime seconds minutes days count limit limits budget length size max min enabled disabled required algorithm alg format version prefix suffix header headers env var variable variables scope scopes audience issuer realm region location label description hint alias aliases status state policy rotation refresh cache server domain user username email binding bindings'.split(
    ' ',
  ),
);
/** Names longer than this are looked at from their end: names of parts end with what they are. */
const NAME_LENGTH = 200;

/** The words of a name, lower-case: SCREAMING_SNAKE, kebab-case, camelCase and APIKey alike. */
export function wordsOf(name: string): string[] {
  return name
    .slice(-NAME_LENGTH)
    .replaceAll(/(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])/g, ' ')
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== '');
}

function secrecyOfWord(word: string, before: string | undefined, isLast: boolean): Secrecy {
  if (before !== undefined && HARMLESS_BEFORE.has(before)) return 'none';
  if (EXPLICIT_WORDS.has(word) || EXPLICIT_ENDINGS.some((ending) => word.endsWith(ending))) return 'explicit';
  if (!LIKELY_WORDS.has(word)) return 'none';
  if (word === 'key' && before !== undefined && SECRET_KEY_KINDS.has(before)) return 'explicit';
  return isLast && (word === 'pass' || word === 'pat') ? 'explicit' : 'likely';
}

/** How strongly the name of a field says "this is a secret". */
export function secrecyOf(name: string): Secrecy {
  const words = wordsOf(name);
  while (words.length > 1 && SAME_MEANING.test(words.at(-1) ?? '')) words.pop();
  const last = words.at(-1);
  if (last === undefined || ABOUT.has(last)) return 'none';
  for (let index = words.length - 1; index >= 0; index--) {
    const isLast = index === words.length - 1;
    const secrecy = secrecyOfWord(words[index] ?? '', words[index - 1], isLast);
    if (secrecy !== 'none') return isLast ? secrecy : 'likely';
  }
  return 'none';
}

/** A secret shows itself in its first 4,096 characters. */
const JUDGED_LENGTH = 4096;
const UUID = /^\{?[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\}?$/i;
const HEX = /^[0-9a-f]{32,}$/i;
const HARMLESS: readonly RegExp[] = [
  /^[+-]?[0-9][0-9_.,:eE+%-]*(?:ms|s|m|h|d|kb|mb|gb)?$/i,
  /^(?:true|false|yes|no|on|off|none|null|undefined|auto|default|enabled|disabled|anonymous|basic|bearer|oauth2?)$/i,
  /^(?:sha(?:1|224|256|384|512)|md5|blake[23]b?)[:-][A-Za-z0-9+/=_-]+$/i,
  /^[^\s@:/]{1,64}@[^\s@:/]{1,250}\.[A-Za-z]{2,24}$/,
  /^[~^=v]?[0-9]{1,6}\.[0-9]{1,6}(?:\.[0-9]{1,6})?(?:[-+.][0-9A-Za-z.-]{0,40})?$/,
  /^[A-Za-z][A-Za-z0-9+.-]{1,20}:\/\//,
  /^arn:/,
  /^(?:~|\.{1,2})[\\/]/,
  /^[A-Za-z]:[\\/]/,
  /^\/(?:home|Users|root|etc|var|run|opt|usr|tmp|mnt|srv|private|Volumes|Library|app|data|keys|secrets|certs|workspaces?)\//,
  /^(?:[A-Z]+|[0-9]+)(?:_(?:[A-Z]+|[0-9]+))+$/,
];
const PLACEHOLDER_WORDS = new Set(
  'your yours changeme change placeholder example dummy replace replaceme insert todo fixme tbd redacted sample here enter fill'.split(
    ' ',
  ),
);
/** A placeholder is short. What is longer has had a secret pasted into it. */
const PLACEHOLDER_LENGTH = 40;

/** Written where a secret is to be put later. */
export function isPlaceholder(value: string): boolean {
  if (isMask(value)) return true;
  if (value.length > PLACEHOLDER_LENGTH) return false;
  const words = value.toLowerCase().split(/[^a-z]+/);
  return words.some((word) => PLACEHOLDER_WORDS.has(word) || /^x{3,}$/.test(word));
}

/** Only words and numbers between separators: `us-east-1`, `secrets/token.txt`. Random text mixes inside the pieces. */
function isWordy(value: string): boolean {
  return value.split(/[^A-Za-z0-9]+/).every((piece) => /^(?:[a-z]*|[A-Z][a-z]+|[A-Z]+|v?[0-9]{1,4})$/.test(piece));
}

/** Bits per character. */
function entropyOf(text: string): number {
  const counts = new Map<string, number>();
  for (const char of text) counts.set(char, (counts.get(char) ?? 0) + 1);
  let bits = 0;
  for (const count of counts.values()) bits -= (count / text.length) * Math.log2(count / text.length);
  return bits;
}

const mixes = (value: string): boolean => /[0-9]/.test(value) && /[A-Za-z]/.test(value);

/**
 * A password or token in a field that is named for one. People choose words as passwords, so any will do there; in a
 * field named for a token single words below 20 letters pass: they are mode names.
 */
function isExplicitSecret(value: string, name: string): boolean {
  const isPassword = wordsOf(name).some((word) => /^pass|pwd$|word$/.test(word));
  if (/\s/.test(value)) return isPassword ? value.length >= 12 : value.split(/\s+/).some(isLikelySecret);
  if (mixes(value)) return value.length >= (isPassword ? 6 : 8);
  if (isPassword) return true;
  if (/^(?:[a-z]+|[A-Z]+|[A-Z][a-z]+)$/.test(value)) return value.length >= 20;
  return value.length >= (/^[A-Za-z_-]+$/.test(value) ? 16 : 8);
}

function isLikelySecret(value: string): boolean {
  if (HEX.test(value)) return true;
  return value.length >= 16 && mixes(value) && !/\s/.test(value) && !isWordy(value) && entropyOf(value) >= 3.2;
}

/**
 * Is this literal value a secret, given the name of its field? UUIDs count only where the name is explicit (TOKEN,
 * API_KEY, PASSWORD): several vendors hand out keys in that shape, and everywhere else a UUID is an id.
 */
export function isSecretValue(value: string, name: string, secrecy: Secrecy): boolean {
  const text = value.slice(0, JUDGED_LENGTH).trim();
  if (secrecy === 'none' || text.length < 6) return false;
  if (UUID.test(text)) return secrecy === 'explicit';
  if (HARMLESS.some((pattern) => pattern.test(text)) || isPlaceholder(text)) return false;
  if (/[\\/]/.test(text) && isWordy(text)) return false;
  return secrecy === 'explicit' ? isExplicitSecret(text, name) : isLikelySecret(text);
}
