import type { ClientDefinition } from '../../clients/client.ts';
import { locateConfig } from '../../clients/paths.ts';
import type { Finding } from '../../core/finding.ts';
import { pathExists } from '../../io/which.ts';
import { unreadBeside } from '../doctor/files.ts';
import type { Place } from './place.ts';

/** What a person should know of the other files of a client before and after one is written. None is ever changed. */
export async function findingsBeside(client: ClientDefinition, place: Place): Promise<Finding[]> {
  if (place.explicit_path) return [];
  const { scope, config_path, machine, project } = place;
  const unread = await unreadBeside(client, place, machine, project ?? undefined);
  return [
    ...unread
      .filter(({ path }) => path !== config_path)
      .map(({ path, servers }) =>
        warning(
          'FILE_NOT_READ',
          `${path} has servers (${servers.join(', ')}), but ${client.display_name} reads ${config_path}.`,
          'Take what you still need over by hand, and remove the old file.',
        ),
      ),
    ...(scope.former === true
      ? [
          warning(
            'FILE_NOT_READ',
            `The present version of ${client.display_name} does not read ${config_path} any more.`,
            'Leave out --config-scope, unless you still use an earlier version.',
          ),
        ]
      : []),
    ...hiddenBy(client, place).map((path) =>
      warning(
        'FILE_MAY_BE_HIDDEN',
        `${client.display_name} may pass over ${path} once ${config_path} is there.`,
        `Deploy into ${path} instead: it is a config scope of its own.`,
      ),
    ),
  ];
}

const warning = (code: string, message: string, hint: string): Finding => ({
  code,
  message,
  severity: 'warning',
  path: '',
  hint,
});

/** The files that would be hidden by one that is not there yet. */
function hiddenBy({ scopes, ...client }: ClientDefinition, { scope, config_path, machine, project }: Place): string[] {
  if (scope.hides === undefined || pathExists(config_path)) return [];
  return scopes
    .filter((other) => scope.hides?.includes(other.scope) === true)
    .map((other) => locateConfig({ ...client, scopes }, other, { ...machine, project: project ?? undefined }).path)
    .filter(pathExists);
}
