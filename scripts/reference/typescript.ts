/** The JSON Schema that Zod writes, as TypeScript. */
export interface Schema {
  $ref?: string;
  $defs?: Record<string, Schema>;
  id?: string;
  description?: string;
  default?: unknown;
  type?: string | string[];
  const?: unknown;
  enum?: unknown[];
  anyOf?: Schema[];
  oneOf?: Schema[];
  allOf?: Schema[];
  items?: Schema;
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: Schema | boolean;
}

interface Options {
  /** A field that may be missing may be `undefined` too, which is the same to who sends it. */
  undefinable?: boolean;
}

/** A comment over a declaration; nothing for no lines. */
export function docOf(lines: readonly string[], indent = ''): string {
  const safe = lines.flatMap((line) => line.replaceAll('*/', '* /').split('\n'));
  if (safe.length === 0) return '';
  if (safe.length === 1) return `${indent}/** ${safe[0]} */\n`;
  return `${indent}/**\n${safe.map((line) => `${indent} * ${line}\n`).join('')}${indent} */\n`;
}

/** The schema of any JSON value is the only one without a name of ours that refers to itself. */
const isJson = (name: string, schema: Schema): boolean => JSON.stringify(schema).includes(`"#/$defs/${name}"`);

export const typeOf = (schema: Schema, options: Options = {}): string =>
  textOf(schema, { ...options, indent: '', defs: schema.$defs ?? {} });

interface At extends Options {
  indent: string;
  defs: Record<string, Schema>;
}

function textOf(schema: Schema, at: At): string {
  if (schema.$ref !== undefined) return named(schema.$ref.split('/').at(-1) ?? '', at);
  if (schema.const !== undefined) return literal(schema.const);
  if (schema.enum) return schema.enum.map(literal).join(' | ');
  const variants = schema.anyOf ?? schema.oneOf;
  if (variants) return [...new Set(variants.map((variant) => textOf(variant, at)))].join(' | ');
  if (schema.allOf) return schema.allOf.map((part) => textOf(part, at)).join(' & ');
  if (Array.isArray(schema.type)) return schema.type.map((type) => textOf({ ...schema, type }, at)).join(' | ');
  switch (schema.type) {
    case 'string':
    case 'boolean':
    case 'null':
      return schema.type;
    case 'integer':
    case 'number':
      return 'number';
    case 'array':
      return `Array<${schema.items ? textOf(schema.items, at) : 'unknown'}>`;
    case 'object':
      return objectText(schema, at);
    case undefined:
      return 'unknown';
    default:
      throw new Error(`there is no TypeScript for the type ${schema.type}`);
  }
}

function named(name: string, at: At): string {
  const schema = at.defs[name];
  if (/^[A-Z]\w*$/.test(name)) return name;
  if (schema === undefined) throw new Error(`there is no definition ${name}`);
  return isJson(name, schema) ? 'Json' : textOf(schema, at);
}

const literal = (value: unknown): string =>
  typeof value === 'string' ? `'${value.replaceAll(/[\\']/g, '\\$&')}'` : JSON.stringify(value);

function objectText({ properties = {}, required = [], additionalProperties }: Schema, at: At): string {
  const indent = `${at.indent}  `;
  const inside = { ...at, indent };
  const fields = Object.entries(properties).map(([name, field]) => {
    const key = /^[A-Za-z_]\w*$/.test(name) ? name : literal(name);
    const type = textOf(field, inside);
    const about = [
      field.description,
      field.default === undefined ? undefined : `Default: ${JSON.stringify(field.default)}.`,
    ];
    const doc = docOf(
      about.filter((line) => line !== undefined),
      indent,
    );
    if (required.includes(name)) return `${doc}${indent}${key}: ${type};`;
    return `${doc}${indent}${key}?: ${type}${at.undefinable ? ' | undefined' : ''};`;
  });
  if (additionalProperties !== false) {
    const isOpen = fields.length > 0 || typeof additionalProperties !== 'object';
    fields.push(`${indent}[key: string]: ${isOpen ? 'unknown' : textOf(additionalProperties, inside)};`);
  }
  return fields.length === 0 ? 'Record<string, never>' : `{\n${fields.join('\n')}\n${at.indent}}`;
}
