import { COMPLETE } from './complete.ts';

/**
 * One script per shell. Each hands the words on as they are, without evaluating them, to the program of that name on the
 * PATH; never to what was typed as the command, which may be a file that somebody put into the directory. What comes
 * back is quoted by the shell before it stands on the command line.
 */

const PROGRAM = 'mcp-orchestration';
const CALL = `command ${PROGRAM} ${COMPLETE} --`;

const bash = `# bash completion for ${PROGRAM}
_mcp_orchestration() {
  local -a words
  local line typed part value
  line=\${COMP_LINE:0:COMP_POINT}
  read -r -a words <<< "$line"
  [[ $line == *[[:space:]] ]] && words+=("")
  while [[ \${#words[@]} -gt 1 && \${words[0]} != "$1" ]]; do words=("\${words[@]:1}"); done
  typed=\${words[\${#words[@]}-1]}
  # Readline replaces only what stands behind the last character that divides words.
  part=$typed
  [[ $COMP_WORDBREAKS == *=* ]] && part=\${part##*=}
  [[ $COMP_WORDBREAKS == *:* ]] && part=\${part##*:}
  COMPREPLY=()
  while IFS= read -r line; do
    if [[ $line == :files ]]; then
      compopt -o default 2> /dev/null
      return
    fi
    value=\${line%%$'\\t'*}
    [[ $value == *= ]] && compopt -o nospace 2> /dev/null
    printf -v value %q "\${value:\${#typed}-\${#part}}"
    COMPREPLY+=("$value")
  done < <(${CALL} "\${words[@]}" 2> /dev/null)
}
complete -F _mcp_orchestration ${PROGRAM}
`;

const zsh = `#compdef ${PROGRAM}
# zsh completion for ${PROGRAM}
_mcp_orchestration() {
  local -a values shown open
  local line value
  while IFS= read -r line; do
    if [[ $line == :files ]]; then
      compset -P '*='
      _files
      return
    fi
    value=\${line%%$'\\t'*}
    if [[ $value == *= ]]; then
      open+=("$value")
    else
      values+=("$value")
      shown+=("\${line/$'\\t'/  -- }")
    fi
  done < <(${CALL} "\${(@Q)words[1,CURRENT]}" 2> /dev/null)
  (( \${#values} )) && compadd -l -d shown -a values
  (( \${#open} )) && compadd -S '' -a open
}
if [[ \${funcstack[1]} == _mcp_orchestration ]]; then
  _mcp_orchestration "$@"
else
  compdef _mcp_orchestration ${PROGRAM}
fi
`;

const fish = `# fish completion for ${PROGRAM}
function __mcp_orchestration_complete
    set -l words (commandline -opc)
    set -l typed (commandline -ct)
    set -l found (${CALL} $words "$typed" 2> /dev/null)
    if test "$found" = ":files"
        set -l before (string match -r '^.*=' -- "$typed")
        for path in (__fish_complete_path (string replace -r '^.*=' '' -- "$typed"))
            echo "$before$path"
        end
    else
        printf '%s\\n' $found
    end
end
complete -c ${PROGRAM} -f -a '(__mcp_orchestration_complete)'
`;

export const SCRIPTS = { bash, zsh, fish };
export type Shell = keyof typeof SCRIPTS;
export const SHELLS = Object.keys(SCRIPTS) as Shell[];

/** Where the script goes, said to a person. `eval`, because the Bash of macOS cannot read a pipe with `source`. */
export const INSTALL: Readonly<Record<Shell, string>> = {
  bash: `To have it in every new shell, add this line to ~/.bashrc:\n  eval "$(${PROGRAM} completion bash)"`,
  zsh: `To have it in every new shell, add this line to ~/.zshrc, below compinit:\n  source <(${PROGRAM} completion zsh)`,
  fish: `To have it in every new shell:\n  ${PROGRAM} completion fish > ~/.config/fish/completions/${PROGRAM}.fish`,
};
