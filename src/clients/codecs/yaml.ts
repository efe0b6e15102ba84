import type { Codec } from '../../core/splice/types.ts';
import { outlineYaml } from './yaml-outline.ts';
import { putYaml } from './yaml-put.ts';
import { asYaml, parseYaml, yamlValueOf } from './yaml-syntax.ts';
import { takeYaml } from './yaml-take.ts';

/** One YAML document with a map of entries, as goose and LibreChat keep their servers. */
export const yamlCodec: Codec = codecOf(false);
/** With a sequence of entries that carry their names, as Continue does. */
export const yamlListCodec: Codec = codecOf(true);

function codecOf(list: boolean): Codec {
  return {
    format: 'yaml',
    parse: (text) => parseYaml(text, list),
    valueOf: yamlValueOf,
    skeleton: () => '',
    put: (document, pointer, puts, glue) => putYaml(asYaml(document), pointer, puts, glue),
    take: (document, pointer, names, glue) => takeYaml(asYaml(document), pointer, names, glue),
    outline: (text, skip) => outlineYaml(text, skip, list),
  };
}
