/** What the service managers read. Pure text: nothing here knows whether it is written. */

export interface Unit {
  client_id: string;
  profile_id: string;
  server: string;
  /** Without TLS, to another machine. */
  allow_http: boolean;
  /** Absolute path of the program. */
  program: string;
  /** Lines of `NAME=value`, for its environment. It may be missing. */
  token_file: string;
}

const commandOf = ({ program, server, allow_http, client_id, profile_id }: Unit): string[] => [
  ...[program, 'pull', '--watch', '--server', server],
  ...(allow_http ? ['--allow-http'] : []),
  ...['--client', client_id, '--profile', profile_id],
];

/** systemd.service(5), "Command lines": quotes, and the two characters that it would fill in. */
const systemdWord = (word: string): string =>
  `"${word.replaceAll(/["\\]/g, '\\$&').replaceAll('%', '%%').replaceAll('$', '$$$$')}"`;

/** systemd starts no program with a quote or a backslash in its path, and fills nothing in there; it takes both as words. */
const STARTER = '/usr/bin/env';

/** A systemd user unit. A failure that it cannot get over by itself is tried again after a while. */
export const userUnit = (unit: Unit): string => `# Written by mcp-orchestration install-agent.
[Unit]
Description=MCP servers of ${unit.client_id}/${unit.profile_id} as published on ${unit.server.replaceAll('%', '%%')}
StartLimitIntervalSec=0

[Service]
ExecStart=${[STARTER, ...commandOf(unit)].map(systemdWord).join(' ')}
EnvironmentFile=-${unit.token_file.replaceAll('%', '%%')}
Restart=on-failure
RestartSec=60
UMask=0077
NoNewPrivileges=yes

[Install]
WantedBy=default.target
`;

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };
const string = (text: string) => `<string>${text.replaceAll(/[&<>]/g, (sign) => ESCAPES[sign] ?? sign)}</string>`;

/** launchd has no file of variables: a shell reads it, and then is the program. */
const WITH_VARIABLES = 'set -a; if [ -r "$0" ]; then . "$0"; fi; exec "$@"';

/** A launchd agent. */
export const launchAgent = (label: string, log: string, unit: Unit): string => `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<!-- Written by mcp-orchestration install-agent. -->
<plist version="1.0">
<dict>
  <key>Label</key>
  ${string(label)}
  <key>ProgramArguments</key>
  <array>
    ${['/bin/sh', '-c', WITH_VARIABLES, unit.token_file, ...commandOf(unit)].map(string).join('\n    ')}
  </array>
  <key>RunAtLoad</key>
  <true/>
  <key>KeepAlive</key>
  <dict>
    <key>SuccessfulExit</key>
    <false/>
  </dict>
  <key>ThrottleInterval</key>
  <integer>60</integer>
  <key>Umask</key>
  <integer>63</integer>
  <key>StandardErrorPath</key>
  ${string(log)}
</dict>
</plist>
`;
