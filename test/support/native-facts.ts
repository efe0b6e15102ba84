/**
 * What the clients document about an entry, written down once more from their documentation and code, and from nothing in
 * `src`: the tests that judge what is written have their own source. `src/clients/<id>.ts` names where it can be read.
 */

export interface Tag {
  field: string;
  /** The words that the client takes; the first is the usual one. */
  values: string[];
  /** Also where the client would take an entry without it for one of another transport. */
  required: boolean;
}
export interface LocalFacts {
  tag?: Tag;
  command: string;
  /** Undefined: command and arguments are one list. */
  args?: string;
  env: string;
  cwd?: string;
}
export interface RemoteFacts {
  tag?: Tag;
  url: string;
  /** A path with `/` where the headers stand deeper. */
  headers: string;
}
export interface NativeFacts {
  id: string;
  format: 'json' | 'jsonc' | 'toml' | 'yaml';
  /** Keys on the way to the servers. */
  pointer: readonly string[];
  list?: true;
  stdio: LocalFacts;
  http?: RemoteFacts;
  sse?: RemoteFacts;
  /** Path of the field and the value that switches an entry off. */
  off?: [path: string, value: boolean];
  allow?: string;
  deny?: string;
  timeout?: { field: string; unit: 'ms' | 's'; max?: number; only?: 'stdio' | 'http' };
  /** How the client reads the texts of an entry; see `read-as.ts`. */
  expands:
    | 'nothing'
    | 'env-colon'
    | 'dollar-brace'
    | 'dollar'
    | 'dollar-percent'
    | 'brace-env'
    | 'secrets'
    | 'double-brace'
    | 'shell';
  /** Fields besides that an entry may, or (with `!`) must have. */
  more?: Record<string, object>;
  /** Characters of names that it takes besides ASCII letters and digits, and names that it keeps; all when absent. */
  names?: { also: string; reserved: string[] };
  /** Programs are found without `cmd /c` on Windows, because the client starts them as a shell would. */
  finds_batch_files?: true;
}

const TEXT = { type: 'string' };
const TEXTS = { type: 'array', items: TEXT };
const TEXT_MAP = { type: 'object', additionalProperties: TEXT };

const plain = { command: 'command', args: 'args', env: 'env' };
const withCwd = { ...plain, cwd: 'cwd' };
const must = (...values: string[]): { tag: Tag } => ({ tag: { field: 'type', values, required: true } });
const may = (...values: string[]): { tag: Tag } => ({ tag: { field: 'type', values, required: false } });
const url = { url: 'url', headers: 'headers' };
const serverUrl = { url: 'serverUrl', headers: 'headers' };
const json = { format: 'json', pointer: ['mcpServers'] } as const;
const jsonc = { format: 'jsonc', pointer: ['mcpServers'] } as const;
const seconds = { field: 'timeout', unit: 's' } as const;
const milliseconds = { field: 'timeout', unit: 'ms' } as const;
const code = {
  format: 'jsonc' as const,
  pointer: ['servers'],
  stdio: { ...must('stdio'), ...withCwd },
  http: { ...must('http'), ...url },
  sse: { ...must('sse'), ...url },
  expands: 'env-colon' as const,
  finds_batch_files: true as const,
};
const opencode = {
  format: 'jsonc' as const,
  pointer: ['mcp'],
  stdio: { ...must('local'), command: 'command', env: 'environment', cwd: 'cwd' },
  http: { ...must('remote'), ...url },
  sse: { ...must('remote'), ...url },
  off: ['enabled', false] as [string, boolean],
  timeout: milliseconds,
  expands: 'brace-env' as const,
  names: { also: '*', reserved: ['servers', 'timeout'] },
  finds_batch_files: true as const,
};

const ROWS: (Omit<NativeFacts, 'format' | 'pointer'> & Partial<Pick<NativeFacts, 'format' | 'pointer'>>)[] = [
  { id: 'claude-desktop', stdio: plain, expands: 'nothing' },
  {
    id: 'claude-code',
    stdio: { ...may('stdio'), ...plain },
    http: { ...must('http'), ...url },
    sse: { ...must('sse'), ...url },
    timeout: milliseconds,
    expands: 'dollar-brace',
    more: { alwaysLoad: { type: 'boolean' } },
    names: { also: '_-', reserved: ['workspace', 'Claude Browser', 'Claude Preview'] },
  },
  {
    id: 'cursor',
    stdio: { ...must('stdio'), ...plain },
    http: url,
    sse: url,
    expands: 'env-colon',
    more: { envFile: TEXT },
    finds_batch_files: true,
  },
  { id: 'vscode', ...code, more: { envFile: TEXT } },
  { id: 'vscode-insiders', ...code },
  {
    id: 'visual-studio',
    pointer: ['servers'],
    stdio: { ...may('stdio'), ...plain },
    http: { ...may('http'), ...url },
    sse: { ...may('sse'), ...url },
    expands: 'env-colon',
  },
  {
    id: 'github-copilot-cli',
    stdio: { ...may('local', 'stdio'), ...plain },
    http: { ...must('http'), ...url },
    sse: { ...must('sse'), ...url },
    allow: 'tools',
    timeout: { ...milliseconds, only: 'stdio' },
    expands: 'dollar',
  },
  {
    id: 'windsurf',
    stdio: plain,
    http: serverUrl,
    sse: serverUrl,
    off: ['disabled', true],
    deny: 'disabledTools',
    expands: 'env-colon',
  },
  { id: 'devin-local', stdio: plain, http: serverUrl, deny: 'disabledTools', expands: 'nothing' },
  {
    id: 'codex-cli',
    format: 'toml',
    pointer: ['mcp_servers'],
    stdio: withCwd,
    http: { url: 'url', headers: 'http_headers' },
    off: ['enabled', false],
    allow: 'enabled_tools',
    deny: 'disabled_tools',
    timeout: { field: 'tool_timeout_sec', unit: 's' },
    expands: 'nothing',
    more: {
      env_vars: TEXTS,
      bearer_token_env_var: TEXT,
      env_http_headers: TEXT_MAP,
      startup_timeout_sec: { type: 'number', exclusiveMinimum: 0 },
    },
  },
  {
    id: 'gemini-cli',
    ...jsonc,
    stdio: withCwd,
    http: { ...may('http'), ...url },
    sse: { ...must('sse'), ...url },
    allow: 'includeTools',
    deny: 'excludeTools',
    timeout: milliseconds,
    expands: 'dollar-percent',
    more: { trust: { type: 'boolean' } },
    finds_batch_files: true,
  },
  {
    id: 'zed',
    format: 'jsonc',
    pointer: ['context_servers'],
    stdio: plain,
    http: url,
    off: ['enabled', false],
    timeout: seconds,
    expands: 'nothing',
  },
  { id: 'jetbrains-ai-assistant', stdio: plain, http: url, sse: url, expands: 'nothing' },
  { id: 'junie', stdio: plain, http: url, expands: 'nothing' },
  {
    id: 'cline',
    stdio: { ...may('stdio'), ...withCwd },
    http: { ...must('streamableHttp'), ...url },
    sse: { ...must('sse'), ...url },
    off: ['disabled', true],
    timeout: { ...seconds, max: 3600 },
    expands: 'nothing',
    more: { autoApprove: TEXTS },
    finds_batch_files: true,
  },
  {
    id: 'roo-code',
    stdio: { ...may('stdio'), ...withCwd },
    http: { ...must('streamable-http'), ...url },
    sse: { ...must('sse'), ...url },
    off: ['disabled', true],
    deny: 'disabledTools',
    timeout: { ...seconds, max: 3600 },
    expands: 'env-colon',
    finds_batch_files: true,
  },
  { id: 'kilo-code', ...opencode },
  {
    id: 'continue',
    format: 'yaml',
    pointer: ['mcpServers'],
    list: true,
    stdio: { ...may('stdio'), ...withCwd },
    http: { ...may('streamable-http'), url: 'url', headers: 'requestOptions/headers' },
    sse: { ...may('sse'), url: 'url', headers: 'requestOptions/headers' },
    expands: 'secrets',
  },
  {
    id: 'goose',
    format: 'yaml',
    pointer: ['extensions'],
    stdio: { ...must('stdio'), command: 'cmd', args: 'args', env: 'envs' },
    http: { ...must('streamable_http'), url: 'uri', headers: 'headers' },
    sse: { ...must('sse'), url: 'uri', headers: 'headers' },
    off: ['enabled', false],
    allow: 'available_tools',
    timeout: seconds,
    expands: 'nothing',
    more: { name: TEXT, 'enabled!': { type: 'boolean' } },
    names: { also: '_-', reserved: [] },
  },
  { id: 'lm-studio', stdio: plain, http: url, expands: 'nothing' },
  { id: 'opencode', ...opencode },
  {
    id: 'amazon-q-cli',
    stdio: { ...may('stdio'), ...plain },
    http: { ...must('http'), ...url },
    off: ['disabled', true],
    timeout: milliseconds,
    expands: 'env-colon',
  },
  {
    id: 'kiro',
    stdio: plain,
    http: url,
    off: ['disabled', true],
    deny: 'disabledTools',
    timeout: milliseconds,
    expands: 'dollar-brace',
    more: { autoApprove: TEXTS },
  },
  {
    id: 'amp',
    format: 'jsonc',
    pointer: ['amp.mcpServers'],
    stdio: plain,
    http: url,
    sse: url,
    allow: 'includeTools',
    expands: 'dollar-brace',
  },
  { id: 'warp', stdio: { ...plain, cwd: 'working_directory' }, http: url, sse: url, expands: 'nothing' },
  { id: 'trae', stdio: plain, http: url, sse: url, expands: 'nothing' },
  {
    id: 'qwen-code',
    ...jsonc,
    stdio: withCwd,
    http: { url: 'httpUrl', headers: 'headers' },
    sse: url,
    allow: 'includeTools',
    deny: 'excludeTools',
    timeout: milliseconds,
    expands: 'dollar',
    finds_batch_files: true,
  },
  {
    id: 'crush',
    pointer: ['mcp'],
    stdio: { ...must('stdio'), ...plain },
    http: { ...must('http'), ...url },
    sse: { ...must('sse'), ...url },
    off: ['disabled', true],
    allow: 'enabled_tools',
    deny: 'disabled_tools',
    timeout: seconds,
    expands: 'shell',
    finds_batch_files: true,
  },
  {
    id: 'factory-droid',
    stdio: { ...may('stdio'), ...plain },
    http: { ...must('http'), ...url },
    sse: { ...must('sse'), ...url },
    off: ['disabled', true],
    deny: 'disabledTools',
    expands: 'dollar-brace',
  },
  { id: 'antigravity', stdio: plain, http: serverUrl, sse: serverUrl, deny: 'disabledTools', expands: 'nothing' },
  {
    id: 'librechat',
    format: 'yaml',
    pointer: ['mcpServers'],
    stdio: { ...may('stdio'), ...plain },
    http: { ...must('streamable-http'), ...url },
    sse: { ...must('sse'), ...url },
    timeout: milliseconds,
    expands: 'double-brace',
    names: { also: '_.-', reserved: [] },
    finds_batch_files: true,
  },
  {
    id: 'anythingllm',
    stdio: plain,
    http: { ...must('streamable'), ...url },
    sse: { ...must('sse'), ...url },
    off: ['anythingllm/autoStart', false],
    deny: 'anythingllm/suppressedTools',
    expands: 'nothing',
    finds_batch_files: true,
  },
  {
    id: 'augment',
    stdio: { ...may('stdio'), ...plain },
    http: { ...must('http'), ...url },
    sse: { ...must('sse'), ...url },
    expands: 'dollar-brace',
  },
  {
    id: 'kimi-code',
    stdio: { tag: { field: 'transport', values: ['stdio'], required: false }, ...plain },
    http: { tag: { field: 'transport', values: ['http'], required: false }, ...url },
    sse: { tag: { field: 'transport', values: ['sse'], required: true }, ...url },
    timeout: { field: 'toolTimeoutMs', unit: 'ms', max: 2_147_483_647 },
    expands: 'nothing',
  },
  {
    id: 'grok-build',
    format: 'toml',
    pointer: ['mcp_servers'],
    stdio: plain,
    http: url,
    off: ['enabled', false],
    timeout: { field: 'tool_timeout_sec', unit: 's', only: 'http' },
    expands: 'nothing',
  },
  {
    id: 'mistral-vibe',
    format: 'toml',
    pointer: ['mcp_servers'],
    list: true,
    stdio: { tag: { field: 'transport', values: ['stdio'], required: true }, ...withCwd },
    http: { tag: { field: 'transport', values: ['streamable-http', 'http'], required: true }, ...url },
    off: ['disabled', true],
    deny: 'disabled_tools',
    timeout: { field: 'tool_timeout_sec', unit: 's' },
    expands: 'nothing',
    names: { also: '_-', reserved: [] },
  },
  {
    id: 'qoder',
    stdio: plain,
    http: { ...may('http'), ...url },
    sse: { ...may('sse'), ...url },
    expands: 'nothing',
  },
];

export const NATIVE_FACTS: readonly NativeFacts[] = ROWS.map((row) => ({ ...json, ...row }) as NativeFacts);

export const factsOf = (id: string): NativeFacts => {
  const found = NATIVE_FACTS.find((facts) => facts.id === id);
  if (found === undefined) throw new Error(`nothing is written down about ${id}`);
  return found;
};
