import type { Codec } from '../../core/splice/types.ts';
import type { ConfigScope } from '../client.ts';
import { jsonCodec, jsoncCodec } from './json.ts';
import { tomlCodec } from './toml.ts';
import { tomlListCodec } from './toml-list.ts';

/** YAML is loaded when a file needs it: its library takes longer than most commands. */
const CODECS: Readonly<Record<string, () => Codec | Promise<Codec>>> = {
  json: () => jsonCodec,
  jsonc: () => jsoncCodec,
  toml: () => tomlCodec,
  'toml list': () => tomlListCodec,
  yaml: async () => (await import('./yaml.ts')).yamlCodec,
  'yaml list': async () => (await import('./yaml.ts')).yamlListCodec,
};

type Kind = Pick<ConfigScope, 'format' | 'container'>;

const keyOf = ({ format, container }: Kind) => (container === undefined ? (format ?? '') : `${format} ${container}`);

/** Can this version change such a file without loss? */
export const hasCodec = (kind: Kind): boolean => Object.hasOwn(CODECS, keyOf(kind));

/** The codec for the file of a scope, by its format and the way its servers stand in it. Undefined: none in this version. */
export const codecOf = async (kind: Kind): Promise<Codec | undefined> =>
  hasCodec(kind) ? CODECS[keyOf(kind)]?.() : undefined;
