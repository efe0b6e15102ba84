import { oddYaml, YAML_NAMES, YAML_POINTER, yamlEntry } from '../../../test/arbitraries-yaml.ts';
import { writerProperties } from '../../../test/support/writer-properties.ts';
import { yamlCodec, yamlListCodec } from './yaml.ts';

const MARKS = ['- ', '&a ', '*a', '!x ', '|', '\n---\n', ' ', '? '];

writerProperties({
  files: oddYaml,
  codecOf: ({ list }) => (list ? yamlListCodec : yamlCodec),
  formatOf: ({ list }) => (list ? 'yaml list' : 'yaml'),
  pointer: YAML_POINTER,
  names: YAML_NAMES,
  entry: yamlEntry,
  junk: ['', '[', ']', '{', '}', '"', "'", ':', '#', '\n', '\0', '\r', '\t', ...MARKS],
  runs: 120,
  written: 0.3,
});
