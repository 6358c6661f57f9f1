/** `completions`: shell scripts that complete commands, options and values. */

import { type CommandSpec, printingOptions, type Program } from "../options/command.ts";
import { flagOf, type Option } from "../options/option.ts";

/** What a shell can complete after a command. */
interface Completed extends Pick<CommandSpec, "name" | "summary" | "arguments"> {
  /** Its options by their flags. */
  readonly options: readonly (readonly [flag: string, option: Option])[];
}

/** Generates a script for the root and the other commands. */
type Script = (root: Completed, commands: readonly Completed[]) => string[];
const SCRIPTS: Readonly<Record<string, Script>> = { bash, zsh, fish };

/** The function of a script for zsh or fish that lists the models. */
const MODELS = "__nce_models";

/** The script for a shell: bash, zsh or fish. */
export function completions(shell: string, program: Program): string {
  const complete = (command: CommandSpec): Completed => {
    const tables = [printingOptions(program, command), ...command.groups.map((g) => g.options)];
    const options = tables.flatMap((table) => Object.entries(table)).flatMap(([name, option]) => {
      const flag = flagOf(name), off = flag.replace("--", "--no-");
      const flags = option.absent === true ? [flag, off] : [flag]; // a switch that is on
      return flags.map((flag) => [flag, option] as const);
    });
    return { ...command, options };
  };
  return SCRIPTS[shell]!(complete(program.root), program.commands.map(complete)).join("\n");
}

/** Possible values of an argument or an option; file names, too, if it is a path, and models. */
type Values = Pick<Option, "choices" | "isPath" | "isModel">;

/** Possible values of a command's arguments. */
function argumentsOf(command: Completed): Values {
  return {
    choices: command.arguments.flatMap(({ choices }) => choices ?? []),
    isPath: command.arguments.some(({ choices }) => choices === undefined),
    isModel: command.arguments.some(({ isModel }) => isModel),
  };
}

function bash(root: Completed, commands: readonly Completed[]): string[] {
  const { name } = root, names = commands.map((command) => command.name);
  return [
    `# Completion of ${name} for bash.`,
    `_${name}() {`,
    '  local word="${COMP_WORDS[COMP_CWORD]}" before="${COMP_WORDS[COMP_CWORD - 1]}"',
    '  local command="" values="" files="" models="" file',
    "  # Bash takes --option=value for three words.",
    '  if [[ "$word" == "=" ]]; then word=""; fi',
    '  if [[ "$before" == "=" ]]; then before="${COMP_WORDS[COMP_CWORD - 2]}"; fi',
    '  case "$COMP_CWORD ${COMP_WORDS[1]}" in',
    '    "1 "*) before="" ;;',
    ...names.map((command) => `    *" ${command}") command="${command}" ;;`),
    "  esac",
    '  case "$command $before" in',
    ...bashCases(root, "", { choices: names }),
    ...commands.flatMap((command) => bashCases(command, command.name, argumentsOf(command))),
    "  esac",
    '  COMPREPLY=($(compgen -W "$values" -- "$word"))',
    '  for file in saved_model/"$word"*.safetensors; do',
    '    if [[ -z "$models" || ! -e "$file" || "$file" == *.checkpoint.* ]]; then continue; fi',
    '    file="${file%.safetensors}"',
    '    COMPREPLY+=("${file##*/}")',
    "  done",
    '  if [[ -z "$files" ]]; then return; fi',
    "  compopt -o filenames 2>/dev/null # the bash of macOS lacks it",
    '  while IFS= read -r file; do COMPREPLY+=("$file"); done < <(compgen -f -- "$word")',
    "}",
    `complete -F _${name} ${name}`,
  ];
}

/** A command's completions: option values, then the first word after its name, then later words. */
function bashCases({ options }: Completed, name: string, first: Values): string[] {
  const flags = options.map(([flag]) => flag);
  const valued = options.filter(([, { value }]) => value !== undefined);
  const offer = (pattern: string, { choices = [], isPath, isModel }: Values) =>
    `    ${pattern}) values="${choices.join(" ")}"${isPath ? " files=yes" : ""}${
      isModel ? " models=yes" : ""
    } ;;`;
  return [
    ...valued.map(([flag, option]) => offer(`"${name} ${flag}"`, option)),
    offer(`"${name} ${name}"`, { ...first, choices: [...first.choices ?? [], ...flags] }),
    offer(`"${name} "*`, { ...first, choices: flags }),
  ];
}

function zsh(root: Completed, commands: readonly Completed[]): string[] {
  const words = commands.map(({ name, summary }) => `${name}\\:${JSON.stringify(summary)}`);
  return [
    `#compdef ${root.name}`,
    `${MODELS}() {`,
    "  local -a names=(saved_model/*.safetensors(N:t:r))",
    "  compadd -- ${names:#*.checkpoint}",
    "}",
    `_${root.name}() {`,
    "  if ((CURRENT > 2)); then",
    '    case "${words[2]}" in',
    ...commands.flatMap((command) => [
      `      ${command.name})`,
      "        ((CURRENT--))",
      "        shift words",
      ...zshArguments(
        command,
        command.arguments.map((argument, i) => {
          const { name, choices, optional, repeated } = argument, isPath = choices === undefined;
          return `${repeated ? "*" : i + 1}:${optional ? ":" : ""}${name}:${
            zshValues({ ...argument, isPath })
          }`;
        }),
      ),
      "        return ;;",
    ]),
    "    esac",
    "  fi",
    ...zshArguments(root, [`1:command:((${words.join(" ")}))`]),
    "}",
    `compdef _${root.name} ${root.name}`,
  ];
}

function zshArguments({ options }: Completed, words: readonly string[]): string[] {
  const specs = options.map(([flag, option]) => {
    const { value, help } = option;
    const text = `[${help.replace(/[[\]:\\]/g, "\\$&")}]`;
    if (value === undefined) return `${flag}${text}`;
    return `${flag}=${text}:${value}:${zshValues(option)}`;
  });
  const lines = [...specs, ...words].map((spec) => `    '${spec.replaceAll("'", "'\\''")}'`);
  return ["  _arguments \\", lines.join(" \\\n")];
}

function zshValues({ choices, isPath, isModel }: Values): string {
  if (isModel) return isPath ? `{${MODELS}; _files}` : MODELS;
  if (isPath) return "_files";
  return choices === undefined ? " " : `(${choices.join(" ")})`;
}

function fish(root: Completed, commands: readonly Completed[]): string[] {
  const names = commands.map(({ name }) => name).join(" "), start = `complete -c ${root.name}`;
  return [
    `# Completion of ${root.name} for fish.`,
    `function ${MODELS}`,
    "  for file in saved_model/*.safetensors",
    "    string replace -rf '.*/(.*)\\.safetensors$' '$1' $file | string match -v '*.checkpoint'",
    "  end",
    "end",
    `${start} -f`,
    ...fishOptions(root, `${start} -n 'not __fish_seen_subcommand_from ${names}'`),
    ...commands.flatMap((command) => {
      const within = `${start} -n '__fish_seen_subcommand_from ${command.name}'`;
      const { isPath, ...values } = argumentsOf(command);
      return [
        `${start} -n __fish_use_subcommand -a ${command.name} -d ${fishText(command.summary)}`,
        `${within}${isPath ? " -F" : ""} -a '${fishValues(values)}'`,
        ...fishOptions(command, within),
      ];
    }),
  ];
}

function fishOptions({ options }: Completed, start: string): string[] {
  return options.map(([flag, option]) => {
    const { value, help, choices, isPath, isModel } = option;
    const values = choices || isModel ? ` -a '${fishValues(option)}'` : "";
    const kind = value === undefined ? "" : (isPath ? " -r -F" : " -x") + values;
    return `${start} -l ${flag.slice(2)}${kind} -d ${fishText(help)}`;
  });
}

function fishValues({ choices = [], isModel }: Values): string {
  return [...choices, ...isModel ? [`(${MODELS})`] : []].join(" ");
}

function fishText(text: string): string {
  return `'${text.replace(/['\\]/g, "\\$&")}'`;
}
