import { oddToml, TOML_NAMES, TOML_POINTER, tomlEntry } from '../../../test/arbitraries-toml.ts';
import { writerProperties } from '../../../test/support/writer-properties.ts';
import { tomlCodec } from './toml.ts';

writerProperties({
  files: oddToml,
  codecOf: () => tomlCodec,
  formatOf: () => 'toml',
  pointer: TOML_POINTER,
  names: TOML_NAMES,
  entry: tomlEntry,
  junk: ['', '[', ']', '"', "'", '=', '#', '\n', '\0', '\r', '[mcp_servers]\n', '"""', ' . '],
  runs: 230,
  written: 0.8,
});
