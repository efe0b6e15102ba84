import type { Codec } from '../../core/splice/types.ts';
import { commentsOutside } from './toml-comments.ts';
import { tablesByName } from './toml-layout.ts';
import { putToml } from './toml-put.ts';
import { statementsOf } from './toml-statements.ts';
import { asToml, parseToml, tomlValueOf } from './toml-syntax.ts';
import { takeToml } from './toml-take.ts';
import { spellToml } from './toml-values.ts';

/** TOML 1.0 with one table per entry, as Codex keeps its servers. */
export const tomlCodec: Codec = {
  format: 'toml',
  parse: parseToml,
  valueOf: tomlValueOf,
  skeleton: () => '',
  put: (document, pointer, puts, glue) => putToml(tablesByName, asToml(document), pointer, puts, glue),
  take: (document, pointer, names, glue) => takeToml(tablesByName, asToml(document), pointer, names, glue),
  outline: (text, skip) => [...commentsOutside(statementsOf(text), skip), spellToml(text, skip)],
};
