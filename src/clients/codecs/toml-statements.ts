/** A reading of TOML text by its tokens only, by other code than the parsers: which statement each comment belongs to. */
export interface Statement {
  kind: 'header' | 'pair' | 'blank';
  /** A header that opens the next item of an array of tables. */
  opens_item: boolean;
  /** The keys of the header, or of the pair inside its table. */
  path: string[];
  comments: string[];
}

const TOKEN =
  /"""(?:[^"\\]|\\[\s\S]|"{1,2}(?!"))*"{3,5}|'''(?:[^']|'{1,2}(?!'))*'{3,5}|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|#[^\r\n]*|\r?\n|[A-Za-z0-9_+:-]+|[ \t]+|[\s\S]/g;

/** The text must be TOML: every token that is none of its own is passed over. */
export function* statementsOf(text: string): Generator<Statement> {
  let tokens: string[] = [];
  let depth = 0;
  for (const [token] of text.matchAll(TOKEN)) {
    if (token.endsWith('\n') && depth === 0) {
      yield statementOf(tokens);
      tokens = [];
      continue;
    }
    if (/^[ \t]+$/.test(token)) continue;
    if (token === '[' || token === '{') depth += 1;
    if (token === ']' || token === '}') depth -= 1;
    tokens.push(token);
  }
  if (tokens.length > 0) yield statementOf(tokens);
}

function statementOf(tokens: readonly string[]): Statement {
  const comments = tokens.filter((token) => token.startsWith('#'));
  const said = tokens.filter((token) => !token.startsWith('#') && token.trim() !== '');
  const [first] = said;
  if (first === undefined) return { kind: 'blank', opens_item: false, path: [], comments };
  const header = first === '[';
  const end = said.indexOf(header ? ']' : '=');
  const keys = said.slice(0, end).filter((token) => token !== '[' && token !== '.');
  return { kind: header ? 'header' : 'pair', opens_item: header && said[1] === '[', path: keys.map(keyText), comments };
}

/** A key in quotes as its text. A basic string has the escapes of JSON, and two of its own for code points. */
function keyText(token: string): string {
  if (token.startsWith("'")) return token.slice(1, -1);
  if (!token.startsWith('"')) return token;
  const plain = token.replaceAll(/\\(?:U([0-9A-Fa-f]{8})|[^U])/g, (spelled, hex: string | undefined) =>
    hex === undefined ? spelled : JSON.stringify(String.fromCodePoint(Number.parseInt(hex, 16))).slice(1, -1),
  );
  return String(JSON.parse(plain.replaceAll('\t', '\\t')));
}
