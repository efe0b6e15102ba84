import { z } from 'zod';
import { Os } from '../clients/client.ts';
import { deployableScope } from '../clients/paths.ts';
import { RENDERER_VERSION, renderPayload } from '../clients/render.ts';
import { Finding } from '../core/finding.ts';
import { ArtifactId } from '../core/ids.ts';
import { findRelease, verifiedRelease } from './current.ts';
import { defineOperation } from './operation.ts';
import { findTarget, TargetInput } from './shapes.ts';

/** The launcher goes by its bare name, because where it lies is the business of the machine that will read the text. */
export const getNative = defineOperation({
  id: 'releases.native',
  summary: "Show a release as the text of the client's own file",
  description:
    'A file that holds the entries and nothing else, for any system. What the client cannot express is among the findings, and left out of the text.',
  effect: 'read',
  input: TargetInput.extend({
    artifact_id: ArtifactId.optional().meta({ description: 'An earlier artifact; the latest when left out.' }),
    os: Os.optional().meta({
      description: 'The system of the machine that will read the text; this one when left out.',
    }),
    config_scope: z
      .string()
      .max(64)
      .optional()
      .meta({ description: 'The scope of the file; the usual one when left out.' }),
    project: z
      .string()
      .max(4096)
      .optional()
      .meta({ description: 'The project directory, for a scope inside a project.' }),
  }),
  example: { client_id: 'cursor', profile_id: 'default', os: 'windows' },
  output: z.object({
    config_path: z
      .string()
      .meta({ description: 'Where that file is; `~` and variables are left for the machine to fill in.' }),
    format: z.string(),
    text: z.string(),
    native_sha256: z.string().meta({ description: 'SHA-256 of the text in UTF-8, lowercase hex.' }),
    renderer_version: z.string(),
    findings: z.array(Finding),
  }),
  errors: [
    'CLIENT_NOT_FOUND',
    'PROFILE_NOT_FOUND',
    'CONFIG_NOT_FOUND',
    'ARTIFACT_NOT_FOUND',
    'SIGNATURE_INVALID',
    'CLIENT_NOT_WRITABLE',
  ],
  permission: { needs: 'config:read' },
  rest: { method: 'GET', path: '/v1/config/{client_id}/{profile_id}/native' },
  mcp: { tool: 'get_native', toolset: 'releases' },
  cli: {
    verb: 'get-native',
    flags: { client_id: 'client', profile_id: 'profile', artifact_id: 'artifact' },
    paths: ['project'],
    text: ({ text, config_path, findings }, style) => ({
      out: text.trimEnd(),
      note: [`For ${config_path}`, ...findings.map(({ message }) => style.warn(message))].join('\n'),
    }),
  },
  async run(context, input) {
    const client = await findTarget(context, input);
    const scope = deployableScope(client, input.config_scope);
    const { payload } = await verifiedRelease(context, await findRelease(context, input, input.artifact_id));
    const os = input.os ?? context.services.os;
    const { native_text, native_sha256, findings } = renderPayload(payload, client, {
      os,
      scope: scope.scope,
      profile_id: input.profile_id,
      ...(input.project !== undefined && { project: input.project }),
    });
    return {
      config_path: scope.paths[os] ?? `not available on ${os}`,
      format: scope.format ?? 'json',
      text: native_text,
      native_sha256,
      renderer_version: RENDERER_VERSION,
      findings,
    };
  },
});
