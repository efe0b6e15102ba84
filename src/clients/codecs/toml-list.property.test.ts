import { TOML_NAMES, TOML_POINTER, tomlEntry } from '../../../test/arbitraries-toml.ts';
import { oddTomlList } from '../../../test/arbitraries-toml-list.ts';
import { writerProperties } from '../../../test/support/writer-properties.ts';
import { tomlListCodec } from './toml-list.ts';

const HEADERS = ['[[mcp_servers]]\n', '[mcp_servers]\n', 'name = "one"\n'];

writerProperties({
  files: oddTomlList,
  codecOf: () => tomlListCodec,
  formatOf: () => 'toml list',
  pointer: TOML_POINTER,
  names: TOML_NAMES,
  entry: tomlEntry,
  junk: ['', '[', ']', '"', "'", '=', '#', '\n', '\0', '\r', ...HEADERS, '"""', ' . '],
  runs: 160,
  written: 0.8,
});
