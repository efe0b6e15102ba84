import type { Codec } from '../../core/splice/types.ts';
import type { ConfigScope } from '../client.ts';
import { jsonCodec, jsoncCodec } from './json.ts';
import { tomlCodec } from './toml.ts';
import { tomlListCodec } from './toml-list.ts';

const BY_NAME: Readonly<Record<string, Codec>> = { json: jsonCodec, jsonc: jsoncCodec, toml: tomlCodec };
const IN_A_LIST: Readonly<Record<string, Codec>> = { toml: tomlListCodec };

/** The codec for the file of a scope, by its format and the way its servers stand in it. Undefined: none in this version. */
export const codecOf = ({ format, container }: Pick<ConfigScope, 'format' | 'container'>): Codec | undefined =>
  (container === 'list' ? IN_A_LIST : BY_NAME)[format ?? ''];
