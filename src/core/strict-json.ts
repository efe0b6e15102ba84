import { AppError } from './errors.ts';
import { isForbiddenKey, MAX_DEPTH } from './json-value.ts';
import type { JsonValue } from './payload.ts';

/** 1 MiB: the largest body, file or envelope that is read unless the caller says otherwise. */
export const MAX_BYTES = 1_048_576;

export interface StrictJsonOptions {
  maxBytes?: number;
  maxDepth?: number;
}

const REASONS = {
  syntax: 'This is not well-formed JSON',
  unexpected_end: 'The JSON text ends too early',
  trailing_content: 'Something follows after the JSON value',
  duplicate_key: 'A key occurs twice in the same object',
  forbidden_key: 'The keys __proto__, constructor and prototype are not allowed',
  number_out_of_range: 'A number is beyond ±9007199254740991, where JSON readers no longer agree',
  lone_surrogate: 'A text holds half of a surrogate pair, which is no Unicode text',
  invalid_utf8: 'The bytes are not UTF-8',
  byte_order_mark: 'The text starts with a byte order mark; send it without',
  too_deep: 'Objects and arrays are nested too deeply',
} as const;

type Reason = keyof typeof REASONS;

/** Lines end with LF; columns count UTF-16 code units; both start at 1. */
function failure(reason: Reason, text: string, at: number): AppError {
  let line = 1;
  let lineStart = 0;
  for (let index = 0; index < at; index++) {
    if (text.charCodeAt(index) !== LINE_FEED) continue;
    line++;
    lineStart = index + 1;
  }
  const column = at - lineStart + 1;
  return new AppError('INVALID_JSON', `${REASONS[reason]} (line ${line}, column ${column}).`, { reason, line, column });
}

const TAB = 0x09;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;
const QUOTE = 0x22;
const PLUS = 0x2b;
const COMMA = 0x2c;
const MINUS = 0x2d;
const DOT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const LOWER_E = 0x65;
const LOWER_F = 0x66;
const LOWER_N = 0x6e;
const LOWER_T = 0x74;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
/** Set to turn an ASCII letter into lower case. */
const CASE_BIT = 0x20;

/** Length of `__proto__`: most keys are shorter and need no comparison. */
const SHORTEST_FORBIDDEN = 9;

/** One pass over one text. Recursion is bounded by `maxDepth`. Past the end `charCodeAt` is NaN, which equals no code. */
class Reader {
  private readonly text: string;
  private readonly maxDepth: number;
  private pos = 0;

  constructor(text: string, maxDepth: number) {
    this.text = text;
    this.maxDepth = maxDepth;
  }

  document(): JsonValue {
    this.skipSpace();
    const value = this.value(0);
    this.skipSpace();
    if (this.pos < this.text.length) throw failure('trailing_content', this.text, this.pos);
    return value;
  }

  private unexpected(at: number): AppError {
    const ended = at >= this.text.length;
    return failure(ended ? 'unexpected_end' : 'syntax', this.text, Math.min(at, this.text.length));
  }

  private skipSpace(): void {
    for (;;) {
      const code = this.text.charCodeAt(this.pos);
      if (code !== SPACE && code !== LINE_FEED && code !== CARRIAGE_RETURN && code !== TAB) return;
      this.pos++;
    }
  }

  private value(depth: number): JsonValue {
    switch (this.text.charCodeAt(this.pos)) {
      case QUOTE:
        return this.string();
      case OPEN_BRACE:
        return this.object(this.deeper(depth));
      case OPEN_BRACKET:
        return this.array(this.deeper(depth));
      case LOWER_T:
        return this.word('true', true);
      case LOWER_F:
        return this.word('false', false);
      case LOWER_N:
        return this.word('null', null);
      default:
        return this.number();
    }
  }

  private deeper(depth: number): number {
    if (depth >= this.maxDepth) throw failure('too_deep', this.text, this.pos);
    return depth + 1;
  }

  private word<T>(word: string, value: T): T {
    if (!this.text.startsWith(word, this.pos)) throw this.unexpected(this.pos);
    this.pos += word.length;
    return value;
  }

  private object(depth: number): JsonValue {
    const object: { [key: string]: JsonValue } = {};
    this.pos++;
    this.skipSpace();
    if (this.text.charCodeAt(this.pos) === CLOSE_BRACE) {
      this.pos++;
      return object;
    }
    do {
      this.skipSpace();
      this.member(object, depth);
    } while (this.more(CLOSE_BRACE));
    return object;
  }

  private member(object: { [key: string]: JsonValue }, depth: number): void {
    const start = this.pos;
    if (this.text.charCodeAt(start) !== QUOTE) throw this.unexpected(start);
    const key = this.string();
    if (key.length >= SHORTEST_FORBIDDEN && isForbiddenKey(key)) throw failure('forbidden_key', this.text, start);
    if (Object.hasOwn(object, key)) throw failure('duplicate_key', this.text, start);
    this.skipSpace();
    if (this.text.charCodeAt(this.pos) !== COLON) throw this.unexpected(this.pos);
    this.pos++;
    this.skipSpace();
    object[key] = this.value(depth);
  }

  private array(depth: number): JsonValue {
    const array: JsonValue[] = [];
    this.pos++;
    this.skipSpace();
    if (this.text.charCodeAt(this.pos) === CLOSE_BRACKET) {
      this.pos++;
      return array;
    }
    do {
      this.skipSpace();
      array.push(this.value(depth));
    } while (this.more(CLOSE_BRACKET));
    return array;
  }

  /** After a member: true behind a comma, false behind the closing sign. */
  private more(close: number): boolean {
    this.skipSpace();
    const code = this.text.charCodeAt(this.pos);
    if (code !== COMMA && code !== close) throw this.unexpected(this.pos);
    this.pos++;
    return code === COMMA;
  }

  private string(): string {
    const { text } = this;
    const start = this.pos + 1;
    let escaped = false;
    for (let at = start; ; at++) {
      const code = text.charCodeAt(at);
      if (code === QUOTE) {
        this.pos = at + 1;
        return escaped ? this.unescaped(start - 1, at + 1) : text.slice(start, at);
      }
      if (code === BACKSLASH) {
        escaped = true;
        at++;
      } else if (!(code >= SPACE)) {
        throw this.unexpected(at);
      }
    }
  }

  /** The rare string with escapes, quotes included. A fault is reported where the string starts. */
  private unescaped(start: number, end: number): string {
    let value: unknown;
    try {
      value = JSON.parse(this.text.slice(start, end));
    } catch {
      throw failure('syntax', this.text, start);
    }
    if (typeof value !== 'string' || !value.isWellFormed()) throw failure('lone_surrogate', this.text, start);
    return value;
  }

  private number(): number {
    const { text } = this;
    const start = this.pos;
    let at = text.charCodeAt(start) === MINUS ? start + 1 : start;
    at = text.charCodeAt(at) === ZERO ? at + 1 : this.digits(at);
    if (text.charCodeAt(at) === DOT) at = this.digits(at + 1);
    if ((text.charCodeAt(at) | CASE_BIT) === LOWER_E) {
      const sign = text.charCodeAt(at + 1);
      at = this.digits(sign === PLUS || sign === MINUS ? at + 2 : at + 1);
    }
    const value = Number(text.slice(start, at));
    if (!(Math.abs(value) <= Number.MAX_SAFE_INTEGER)) throw failure('number_out_of_range', text, start);
    this.pos = at;
    return value;
  }

  /** The end of one or more digits. */
  private digits(start: number): number {
    let at = start;
    for (let code = this.text.charCodeAt(at); code >= ZERO && code <= NINE; code = this.text.charCodeAt(at)) at++;
    if (at === start) throw this.unexpected(at);
    return at;
  }
}

/** Length of the longest prefix that a decoder does not object to. */
function validPrefix(bytes: Uint8Array): number {
  let good = 0;
  let bad = bytes.length;
  while (bad - good > 1) {
    const middle = (good + bad) >>> 1;
    try {
      new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(0, middle), { stream: true });
      good = middle;
    } catch {
      bad = middle;
    }
  }
  return good;
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes.subarray(0, validPrefix(bytes)), {
      stream: true,
    });
    throw failure('invalid_utf8', text, text.length);
  }
}

function loneSurrogateAt(text: string): number {
  return text.search(/\p{Surrogate}/u);
}

/**
 * RFC 8259 without what readers disagree on: duplicate keys, numbers that lose digits, broken Unicode, a byte order
 * mark and prototype keys are refused as INVALID_JSON with `details.reason`, `line` and `column`. What it accepts
 * equals what `JSON.parse` says. More than `maxBytes` bytes is PAYLOAD_TOO_LARGE, before anything is looked at.
 */
export function parseStrictJson(source: string | Uint8Array, options: StrictJsonOptions = {}): JsonValue {
  const { maxBytes = MAX_BYTES, maxDepth = MAX_DEPTH } = options;
  const size = typeof source === 'string' ? Buffer.byteLength(source) : source.byteLength;
  if (size > maxBytes) {
    throw new AppError('PAYLOAD_TOO_LARGE', `The JSON text is larger than ${maxBytes} bytes.`, {
      limit_bytes: maxBytes,
    });
  }
  const text = typeof source === 'string' ? source : decode(source);
  if (text.startsWith('\uFEFF')) throw failure('byte_order_mark', text, 0);
  if (!text.isWellFormed()) throw failure('lone_surrogate', text, loneSurrogateAt(text));
  return new Reader(text, maxDepth).document();
}
