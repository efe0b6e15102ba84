import { CST, Parser } from 'yaml';
import type { Span } from '../../core/splice/types.ts';
import { lineEnd } from './yaml-syntax.ts';

/**
 * A reading of a file by its tokens, where `parse` uses composed nodes: the marks, keys and scalars as they are spelled
 * and nested, without the members at the given paths; then every comment that is not on a line of theirs.
 */
export function outlineYaml(text: string, skip: readonly (readonly string[])[], list: boolean): string[] {
  const outline = new Outline(text, skip, list);
  for (const token of new Parser().parse(text)) outline.top(token);
  return outline.result();
}

type Path = readonly string[] | null;
type Tokens = readonly CST.SourceToken[] | undefined;
type Item = { start: CST.SourceToken[]; key?: CST.Token | null; sep?: CST.SourceToken[]; value?: CST.Token };
type Collection = CST.BlockMap | CST.BlockSequence | CST.FlowCollection;

const isCollection = (token: CST.Token): token is Collection =>
  token.type === 'block-map' || token.type === 'block-seq' || token.type === 'flow-collection';
const BLANK = new Set(['space', 'newline', 'comma', 'comment', 'seq-item-ind', 'byte-order-mark']);

class Outline {
  readonly #text: string;
  readonly #skip: ReadonlySet<string>;
  /** Every container on the way to something that is skipped. */
  readonly #ways: ReadonlySet<string>;
  readonly #list: boolean;
  readonly #seen: string[] = [];
  readonly #comments: CST.SourceToken[] = [];
  readonly #hidden: Span[] = [];
  #quiet = false;
  #documents = 0;

  constructor(text: string, skip: readonly (readonly string[])[], list: boolean) {
    this.#text = text;
    this.#skip = new Set(skip.map((path) => JSON.stringify(path)));
    this.#ways = new Set(skip.flatMap((path) => path.map((_, depth) => JSON.stringify(path.slice(0, depth)))));
    this.#list = list;
  }

  result(): string[] {
    if (this.#documents === 0) this.#quietly(this.#skip.has('[]'), () => this.#value(null, []));
    const outside = this.#comments.filter(({ offset }) =>
      this.#hidden.every(({ start, end }) => offset < start || offset >= end),
    );
    const comments = outside.toSorted((a, b) => a.offset - b.offset);
    return [...this.#seen, ...comments.map(({ source }) => source.trimEnd())];
  }

  top(token: CST.Token): void {
    if (token.type === 'document') {
      this.#documents += 1;
      this.#marks(token.start);
      this.#quietly(this.#skip.has('[]'), () => this.#value(token.value, []));
      this.#marks(token.end);
    } else if (token.type === 'comment') this.#comments.push(token);
    else if (token.type === 'directive' || token.type === 'error') this.#see(token.source);
    else if (token.type === 'doc-end') this.#see(token.source, token.end);
  }

  #see(source: string, behind?: Tokens): void {
    if (!this.#quiet) this.#seen.push(source);
    this.#marks(behind);
  }

  #marks(tokens: Tokens): void {
    for (const token of tokens ?? []) {
      if (token.type === 'comment') this.#comments.push(token);
      else if (!BLANK.has(token.type)) this.#see(token.source);
    }
  }

  #quietly(quiet: boolean, work: () => void): void {
    const before = this.#quiet;
    this.#quiet ||= quiet;
    work();
    this.#quiet = before;
  }

  /** Whether a container on the way is empty, not there at all (the root), or written in braces makes no difference. */
  #value(token: CST.Token | null | undefined, path: Path): void {
    const way = path !== null && this.#ways.has(JSON.stringify(path));
    if (way && path.length > 0 && (token == null || isCollection(token))) this.#see('container');
    if (token == null) {
      if (!way) this.#see('nothing');
    } else if (isCollection(token)) this.#collection(token, path, way);
    else if (token.type === 'block-scalar') {
      const marks = token.props.filter((prop) => 'source' in prop && prop.type !== 'newline') as CST.SourceToken[];
      this.#marks(marks);
      // Where the last line end is stripped, it makes no difference; and neither does how it is spelled.
      const stripped = marks.some(({ type, source }) => type === 'block-scalar-header' && source.includes('-'));
      this.#see(token.source.replace(/\r?\n$/, stripped ? '' : '\n'));
    } else if ('source' in token) this.#see(token.source, 'end' in token ? token.end : undefined);
  }

  #collection(token: Collection, path: Path, way: boolean): void {
    const flow = token.type === 'flow-collection' ? token : null;
    const sequence = flow === null ? token.type === 'block-seq' : flow.start.type === 'flow-seq-start';
    if (!way) this.#see(flow?.start.source ?? token.type);
    for (const item of token.items as Item[]) this.#item(item, sequence, path);
    const [close, ...behind] = flow?.end ?? [];
    if (!way) this.#see(close?.source ?? 'end');
    this.#marks(behind);
  }

  #item(item: Item, sequence: boolean, path: Path): void {
    const dash = item.start.find(({ type }) => type === 'seq-item-ind');
    const said = dash !== undefined || item.key != null || item.sep !== undefined || item.value !== undefined;
    if (!said) {
      this.#marks(item.start);
      return;
    }
    const name = sequence ? this.#nameOf(item, path) : textOf(item.key);
    const below = path === null || name === undefined ? null : [...path, name];
    const spelled = below === null ? '' : JSON.stringify(below);
    if (this.#skip.has(spelled) && !this.#ways.has(spelled)) this.#hide(item, sequence ? dash : item.key);
    this.#quietly(this.#skip.has(spelled), () => {
      this.#marks(item.start);
      if (item.key != null) this.#value(item.key, null);
      this.#marks(item.sep);
      this.#value(item.value, sequence ? null : below);
    });
  }

  /** Comments on the lines of an entry are the entry's. Those behind them are nobody's, and those of a container, too. */
  #hide({ key, sep, value }: Item, first: CST.Token | null | undefined): void {
    const start = first?.offset ?? 0;
    const colon = sep?.findLast(({ type }) => type === 'map-value-ind');
    this.#hidden.push({ start, end: lineEnd(this.#text, endOf(value) ?? colon?.offset ?? endOf(key) ?? start) });
  }

  /** Only a sequence that stands in no other one has items with names. */
  #nameOf({ value }: Item, path: Path): string | undefined {
    if (!this.#list || path === null || value === undefined || !isCollection(value)) return undefined;
    const [name, second] = (value.items as Item[]).filter(({ key }) => textOf(key) === 'name');
    return second === undefined ? textOf(name?.value) : undefined;
  }
}

function textOf(token: CST.Token | null | undefined): string | undefined {
  if (token == null || !CST.isScalar(token as never)) return undefined;
  return token.type === 'alias' ? undefined : CST.resolveAsScalar(token as CST.FlowScalar | CST.BlockScalar)?.value;
}

/** Behind the last character that says something. */
function endOf(token: CST.Token | null | undefined): number | undefined {
  if (token == null) return undefined;
  if (isCollection(token)) {
    if (token.type === 'flow-collection') return (token.end[0]?.offset ?? token.offset) + 1;
    const items = token.items as Item[];
    return items.reduce<number | undefined>((end, { key, start, sep, value }) => {
      const mark = (sep ?? start).findLast(({ type }) => type === 'map-value-ind' || type === 'seq-item-ind');
      return endOf(value) ?? (mark ? mark.offset + 1 : undefined) ?? endOf(key) ?? end;
    }, undefined);
  }
  if (token.type === 'block-scalar') {
    const props = token.props.reduce((length, prop) => length + ('source' in prop ? prop.source.length : 0), 0);
    return token.offset + props + token.source.replace(/\r?\n$/, '').length;
  }
  return 'source' in token ? token.offset + token.source.length : undefined;
}
