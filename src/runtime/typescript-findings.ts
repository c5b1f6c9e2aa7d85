/** What Node says about TypeScript and syntax that it cannot load, as findings with the ways out. */
import { fileURLToPath } from 'node:url';
import type { Finding } from './load-failed.ts';

const compile = 'compile it to JavaScript (npx tsc)';
const installTsx = 'install tsx beside it (npm install tsx)';

/** For each construct that Node names, in its words: what to write in its place. */
const inPlaceOf: Readonly<Record<string, string>> = {
  enum: "write a constant object: const Color = { red: 'red' } as const",
  'parameter property': 'declare the field and assign it in the constructor',
  'namespace declaration': 'make a module of the namespace',
  'module declaration': 'make a module of the namespace',
  'import equals declaration': 'write import … from',
  'export assignment': 'write export default',
};

/** A thread that cannot load TypeScript, by the code of Node's error. */
export function typeScriptFinding(code: string, path: string, thrown: string, stack: string): Finding {
  if (code === 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX') {
    const construct = /TypeScript (.+?) is not supported in strip-only mode/.exec(thrown)?.[1] ?? 'something';
    const instead = inPlaceOf[construct];
    return {
      reason: 'typescript-syntax',
      what: `it uses TypeScript that leaves more than types (${construct}${placeIn(stack)}), which the type stripping of Node does not load`,
      waysOut: [
        ...(instead === undefined
          ? []
          : [`${instead} ("erasableSyntaxOnly": true in tsconfig.json has the compiler find others)`]),
        installTsx,
        compile,
      ],
    };
  }
  if (code === 'ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING') {
    return {
      reason: 'typescript-in-node-modules',
      what: `${/for "(.*)"/.exec(thrown)?.[1] ?? 'a file that it imports'} is TypeScript inside node_modules, where Node strips no types`,
      waysOut: ['use a build of that package that is JavaScript', installTsx],
    };
  }
  // Node strips no types of .tsx, whatever its version.
  const isTsx = /\.tsx"/.test(thrown) || path.endsWith('.tsx');
  return {
    reason: 'no-typescript-loader',
    what: `this thread has no loader for the TypeScript in it (${thrown})`,
    waysOut: [
      compile,
      installTsx,
      ...(isTsx ? [] : ['use Node 22.18 or later, with TypeScript that only needs its types erased']),
    ],
  };
}

/** What does not parse, or does not fit what it imports. */
export function syntaxFinding(thrown: string, stack: string, isTakenForCommonJs: boolean): Finding {
  const place = placeIn(stack);
  const waysOut = [syntaxAdvice(thrown, isTakenForCommonJs, place !== '')];
  return { reason: 'syntax', what: `${thrown}${place}`, waysOut };
}

function syntaxAdvice(thrown: string, isTakenForCommonJs: boolean, isPlaced: boolean): string {
  if (isTakenForCommonJs || /outside a module|"cjs" output format|top level bodies of modules/.test(thrown)) {
    return 'write "type": "module" in the nearest package.json, or end its name in .mts: it is taken for CommonJS';
  }
  if (/does not provide an export named/.test(thrown)) return 'correct the name, or write import type if it is a type';
  const shown = isPlaced ? '' : ' (node --check with its path shows the line)';
  return `correct what is written there, or in a module that it imports${shown}`;
}

/** Node begins the stack of a syntax error with the file and the line; nothing else says which file it is. */
function placeIn(stack: string): string {
  const place = /^(file:\/\/\S*|\/[^\n]*|[A-Za-z]:[^\n]*):(\d+)\n/.exec(stack);
  if (place === null) return '';
  const [, file = '', line] = place;
  return ` at ${file.startsWith('file:') && URL.canParse(file) ? fileURLToPath(file) : file}:${line}`;
}
