import { fiveIre } from './5ire.ts';
import { amazonQCli } from './amazon-q-cli.ts';
import { amp } from './amp.ts';
import { antigravity } from './antigravity.ts';
import { anythingllm } from './anythingllm.ts';
import { augment } from './augment.ts';
import { claudeCode } from './claude-code.ts';
import { claudeDesktop } from './claude-desktop.ts';
import type { ClientDefinition } from './client.ts';
import { cline } from './cline.ts';
import { codexCli } from './codex-cli.ts';
import { continueClient } from './continue.ts';
import { crush } from './crush.ts';
import { cursor } from './cursor.ts';
import { devinLocal } from './devin-local.ts';
import { factoryDroid } from './factory-droid.ts';
import { geminiCli } from './gemini-cli.ts';
import { githubCopilotCli } from './github-copilot-cli.ts';
import { githubCopilotCloudAgent } from './github-copilot-cloud-agent.ts';
import { goose } from './goose.ts';
import { grokBuild } from './grok-build.ts';
import { jetbrainsAiAssistant } from './jetbrains-ai-assistant.ts';
import { junie } from './junie.ts';
import { kiloCode } from './kilo-code.ts';
import { kimiCode } from './kimi-code.ts';
import { kiro } from './kiro.ts';
import { librechat } from './librechat.ts';
import { lmStudio } from './lm-studio.ts';
import { mistralVibe } from './mistral-vibe.ts';
import { n8n } from './n8n.ts';
import { opencode } from './opencode.ts';
import { qoder } from './qoder.ts';
import { qwenCode } from './qwen-code.ts';
import { raycast } from './raycast.ts';
import { rooCode } from './roo-code.ts';
import { trae } from './trae.ts';
import { visualStudio } from './visual-studio.ts';
import { vscode } from './vscode.ts';
import { vscodeInsiders } from './vscode-insiders.ts';
import { warp } from './warp.ts';
import { windsurf } from './windsurf.ts';
import { witsy } from './witsy.ts';
import { zed } from './zed.ts';

/** Every known client, the best known first. A new one is its file and one line here. */
export const CLIENTS: readonly ClientDefinition[] = [
  claudeDesktop,
  claudeCode,
  cursor,
  vscode,
  vscodeInsiders,
  visualStudio,
  githubCopilotCli,
  githubCopilotCloudAgent,
  windsurf,
  devinLocal,
  codexCli,
  geminiCli,
  zed,
  jetbrainsAiAssistant,
  junie,
  cline,
  rooCode,
  kiloCode,
  continueClient,
  goose,
  lmStudio,
  opencode,
  amazonQCli,
  kiro,
  amp,
  warp,
  trae,
  qwenCode,
  crush,
  factoryDroid,
  antigravity,
  raycast,
  witsy,
  fiveIre,
  librechat,
  anythingllm,
  augment,
  n8n,
  kimiCode,
  grokBuild,
  mistralVibe,
  qoder,
];

const BY_ID: ReadonlyMap<string, ClientDefinition> = new Map(CLIENTS.map((client) => [client.client_id, client]));

/** A Map, so that an id like `toString` finds nothing. */
export function clientById(id: string): ClientDefinition | undefined {
  return BY_ID.get(id);
}
