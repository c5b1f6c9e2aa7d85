/**
 * The code of documentation pages: every fenced block, and what is to be done with it.
 *
 * - A block that begins with `// name.ts` is that file of the page's folder.
 * - A `ts` block without a name is a fragment: it must stand, as it is, in a file of the page or below `examples/`.
 * - A `text` block that begins with `$ command` is what the command prints, run in the page's folder; several commands
 *   may follow each other. `…` stands for what differs from run to run, within a line.
 * - A `sh` block is commands whose output is of no interest.
 *
 * Any other block is a mistake, so that nothing stands in a page that nobody has run.
 */
export interface Command {
  readonly line: string;
  /** What it prints on standard output. */
  readonly prints: string;
}

export interface Page {
  /** The name of the page's file, without its ending. */
  readonly name: string;
  /** File name to text. */
  readonly files: ReadonlyMap<string, string>;
  readonly fragments: readonly string[];
  readonly commands: readonly Command[];
  readonly shell: readonly string[];
}

const block = /^```([^\n]*)\n([\s\S]*?)^```$/gm;
const header = /^\/\/ ([\w.-]+\.(?:ts|json))\n/;

/** @throws where a block is none of those above, or two of a page have one name. */
export function pageOf(name: string, markdown: string): Page {
  const files = new Map<string, string>();
  const fragments: string[] = [];
  const commands: Command[] = [];
  const shell: string[] = [];
  for (const [, language = '', text = ''] of markdown.matchAll(block)) {
    const fileName = header.exec(text)?.[1];
    if (fileName !== undefined) {
      if (files.has(fileName)) throw new Error(`${name}.md has two blocks called ${fileName}`);
      files.set(fileName, text);
    } else if (language === 'ts') fragments.push(text);
    else if (language === 'text' && text.startsWith('$ ')) commands.push(...commandsOf(text));
    else if (language === 'sh') shell.push(...text.trimEnd().split('\n'));
    else throw new Error(`${name}.md has a block that is neither a file, a fragment nor a command:\n${text}`);
  }
  return { name, files, fragments, commands, shell };
}

function commandsOf(text: string): readonly Command[] {
  return text
    .split(/^\$ /m)
    .slice(1)
    .map((one) => {
      const end = one.indexOf('\n');
      return { line: one.slice(0, end), prints: one.slice(end + 1) };
    });
}

/** Fragments that stand nowhere, however far they are indented there. */
export function strayFragments({ fragments, files }: Page, examples: readonly string[]): readonly string[] {
  const wholes = [...files.values(), ...examples].map(dedented);
  return fragments.filter((fragment) => !wholes.some((whole) => whole.includes(dedented(fragment))));
}

function dedented(text: string): string {
  return text
    .trim()
    .split('\n')
    .map((line) => line.trim())
    .join('\n');
}

/** True when `printed` is what `expected` says, with `…` for anything within a line. */
export function fits(printed: string, expected: string): boolean {
  const pattern = expected
    .split('…')
    .map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'))
    .join('.*');
  return new RegExp(`^${pattern}$`).test(printed);
}
