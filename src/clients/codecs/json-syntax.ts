import { createScanner } from 'jsonc-parser';
import type { ArrayNode, Document, ObjectNode, SyntaxNode } from '../../core/splice/types.ts';
import { unparsable } from '../../core/splice/unparsable.ts';

/** `json` is RFC 8259; `jsonc` adds comments and trailing commas, as VS Code reads them. */
export type JsonFlavour = 'json' | 'jsonc';

export const MAX_DEPTH = 64;

/** Token kinds of jsonc-parser, whose const enum cannot be imported one file at a time. */
const TOKEN = {
  openBrace: 1,
  closeBrace: 2,
  openBracket: 3,
  closeBracket: 4,
  comma: 5,
  colon: 6,
  nullWord: 7,
  trueWord: 8,
  falseWord: 9,
  string: 10,
  number: 11,
  lineComment: 12,
  blockComment: 13,
  lineBreak: 14,
  blank: 15,
  end: 17,
} as const;

const SCALARS: readonly number[] = [TOKEN.string, TOKEN.number, TOKEN.nullWord, TOKEN.trueWord, TOKEN.falseWord];

/** What stands between two values: comments, and at most one comma. */
export interface Gap {
  start: number;
  end: number;
  comments: { start: number; end: number; line: boolean }[];
  comma: number | null;
}

/** `start` and `end` must bound a stretch without values. */
export function gapOf(text: string, start: number, end: number): Gap {
  const gap: Gap = { start, end, comments: [], comma: null };
  const scanner = createScanner(text.slice(start, end), false);
  for (let token: number = scanner.scan(); token !== TOKEN.end; token = scanner.scan()) {
    const at = start + scanner.getTokenOffset();
    if (token === TOKEN.comma) gap.comma = at;
    if (token === TOKEN.lineComment || token === TOKEN.blockComment) {
      gap.comments.push({ start: at, end: at + scanner.getTokenLength(), line: token === TOKEN.lineComment });
    }
  }
  return gap;
}

interface Frame {
  node: ObjectNode | ArrayNode;
  /** What was read last inside: the opening bracket, a value, or a comma. */
  last: 'open' | 'value' | 'comma';
  comma: number;
}

/** Reads without recursion, so that the depth limit holds before anything can overflow the stack. */
export function parseJson(text: string, flavour: JsonFlavour): Document {
  const reader = new Reader(text, flavour);
  const root = reader.read();
  if (flavour === 'json' && root !== null) requireJson(text, root);
  return { text, root };
}

/** The applications read strict files with JSON.parse: what it refuses, they would not see. */
function requireJson(text: string, root: SyntaxNode): void {
  try {
    JSON.parse(text);
  } catch {
    throw unparsable(text, root.start, 'syntax', 'it is not JSON');
  }
}

class Reader {
  readonly #text: string;
  readonly #strict: boolean;
  readonly #scanner: ReturnType<typeof createScanner>;
  readonly #frames: Frame[] = [];
  #token: number = TOKEN.end;

  constructor(text: string, flavour: JsonFlavour) {
    this.#text = text;
    this.#strict = flavour === 'json';
    this.#scanner = createScanner(text, false);
  }

  read(): SyntaxNode | null {
    this.#advance();
    if (this.#token === TOKEN.end) return null;
    const root = this.#value();
    for (let frame = this.#frames.at(-1); frame !== undefined; frame = this.#frames.at(-1)) this.#step(frame);
    if (this.#token !== TOKEN.end) throw this.#fail('syntax', 'something follows after the end of the value');
    return root;
  }

  #advance(): void {
    for (;;) {
      this.#token = this.#scanner.scan();
      if (this.#scanner.getTokenError() !== 0)
        throw this.#fail('syntax', 'a string, number or comment is malformed or not closed');
      const comment = this.#token === TOKEN.lineComment || this.#token === TOKEN.blockComment;
      if (comment && this.#strict) throw this.#fail('comment', `a comment stands in a strict JSON file; ${IGNORED}`);
      if (!comment && this.#token !== TOKEN.blank && this.#token !== TOKEN.lineBreak) return;
    }
  }

  #at(token: number): boolean {
    return this.#token === token;
  }

  #step(frame: Frame): void {
    const { node } = frame;
    if (this.#at(node.kind === 'object' ? TOKEN.closeBrace : TOKEN.closeBracket)) this.#close(frame);
    else if (frame.last === 'value') this.#comma(frame);
    else {
      frame.last = 'value';
      if (node.kind === 'array') node.items.push(this.#value());
      else this.#member(node);
    }
  }

  #comma(frame: Frame): void {
    if (!this.#at(TOKEN.comma)) throw this.#fail('syntax', 'a comma or the closing bracket is missing');
    frame.last = 'comma';
    frame.comma = this.#scanner.getTokenOffset();
    this.#advance();
  }

  #member(node: ObjectNode): void {
    if (!this.#at(TOKEN.string)) throw this.#fail('syntax', 'a key in double quotes is missing');
    const start = this.#scanner.getTokenOffset();
    const keyEnd = start + this.#scanner.getTokenLength();
    const key = stringOf(this.#text.slice(start, keyEnd));
    this.#advance();
    if (!this.#at(TOKEN.colon)) throw this.#fail('syntax', 'a colon is missing');
    this.#advance();
    node.members.push({ key, start, keyEnd, value: this.#value() });
  }

  /** Reads a scalar, or opens a container whose content the following steps read. */
  #value(): SyntaxNode {
    const start = this.#scanner.getTokenOffset();
    const node = this.#node(start, start + this.#scanner.getTokenLength());
    if (node.kind !== 'scalar') {
      if (this.#frames.length >= MAX_DEPTH) throw this.#fail('depth', `it is nested deeper than ${MAX_DEPTH} levels`);
      this.#frames.push({ node, last: 'open', comma: start });
    }
    this.#advance();
    return node;
  }

  #node(start: number, end: number): SyntaxNode {
    if (this.#token === TOKEN.openBrace) return { kind: 'object', start, end, members: [] };
    if (this.#token === TOKEN.openBracket) return { kind: 'array', start, end, items: [] };
    if (SCALARS.includes(this.#token)) return { kind: 'scalar', start, end };
    throw this.#fail('syntax', this.#token === TOKEN.end ? 'it ends too early' : 'a value is missing');
  }

  #close(frame: Frame): void {
    if (frame.last === 'comma' && this.#strict) {
      throw unparsable(
        this.#text,
        frame.comma,
        'trailing_comma',
        `a trailing comma stands in a strict JSON file; ${IGNORED}`,
      );
    }
    frame.node.end = this.#scanner.getTokenOffset() + 1;
    this.#frames.pop();
    this.#advance();
  }

  #fail(reason: string, what: string) {
    return unparsable(this.#text, this.#scanner.getTokenOffset(), reason, what);
  }
}

const IGNORED = 'the application itself would ignore such a file';

/** The scanner has checked the token, so that JSON.parse cannot fail on it. Hardly any key needs it. */
function stringOf(raw: string): string {
  return raw.includes('\\') ? String(JSON.parse(raw)) : raw.slice(1, -1);
}
