import { escapeLiteral, isReferenceName, parseReferences, type Reference, spellReference } from '../core/references.ts';
import type { ClientDefinition, TextField } from './client.ts';

/** Something in a client's file that the neutral form cannot say. The message is for a person and names no value. */
export class Inexpressible extends Error {}

const KINDS = ['env', 'secret', 'input'] as const;

type Syntax = NonNullable<ClientDefinition['references']>;
type Piece = { literal: string } | { reference: Reference };

/** Where the documentation does not say which texts a client fills in, every text may be meant. */
const fillsIn = ({ fields }: Syntax, field: TextField) => fields.length === 0 || fields.includes(field);

/** The client's own reference that begins at this place, if one does. */
function referenceAt(syntax: Syntax, text: string, at: number): { reference: Reference; end: number } | undefined {
  for (const kind of KINDS) {
    const [before, after] = syntax[kind]?.split('{name}') ?? [];
    if (before === undefined || after === undefined || !text.startsWith(before, at)) continue;
    const close = text.indexOf(after, at + before.length);
    const name = close < 0 ? '' : text.slice(at + before.length, close);
    if (isReferenceName(kind, name)) return { reference: { kind, name }, end: close + after.length };
  }
  return undefined;
}

function piecesOf(client: ClientDefinition, syntax: Syntax, text: string): Piece[] {
  const pieces: Piece[] = [];
  let [from, at] = [0, 0];
  while (at < text.length) {
    const found = referenceAt(syntax, text, at);
    if (found !== undefined) {
      pieces.push({ literal: text.slice(from, at) }, { reference: found.reference });
      from = at = found.end;
    } else if (syntax.markers.some((marker) => text.startsWith(marker, at))) {
      throw new Inexpressible(`it has a placeholder that only ${client.display_name} fills in`);
    } else at += 1;
  }
  return [...pieces, { literal: text.slice(from) }];
}

/** A text of the client's file in the neutral spelling. Throws `Inexpressible`. */
export function readText(client: ClientDefinition, field: TextField, text: string): string {
  const syntax = client.references;
  if (syntax === null || !fillsIn(syntax, field)) return escapeLiteral(text);
  const pieces = piecesOf(client, syntax, text);
  const spelled = pieces
    .map((piece) => ('literal' in piece ? escapeLiteral(piece.literal) : spellReference(piece.reference)))
    .join('');
  // A literal dollar directly before a reference would turn it into text.
  const references = pieces.filter((piece) => 'reference' in piece).length;
  const read = parseReferences(spelled).parts.filter(({ kind }) => kind !== 'text').length;
  if (read !== references) throw new Inexpressible('it has a dollar sign directly before a reference');
  return spelled;
}
