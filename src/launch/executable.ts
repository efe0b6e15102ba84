import { accessSync, closeSync, constants, openSync, readSync } from 'node:fs';

/**
 * Whether `execve` of a program cannot fail. Node ends the process with a native stack, and maybe with its memory in a core
 * file, when it does: there is nothing to catch, and the environment holds the resolved secrets by then. Where this is not
 * certain, a child is started instead, whose failure is an error like any other.
 */
export function isSurelyExecutable(program: string, args: readonly string[], env: Readonly<Record<string, string>>) {
  return fits(program, args, env) && isLoadable(program, 0);
}

/** Linux: one text has at most 128 KiB, all together a quarter of the stack, which is 8 MiB unless somebody changed it. */
const LONGEST = 128 * 1024 - 1;
const MOST = 1024 * 1024;

function fits(program: string, args: readonly string[], env: Readonly<Record<string, string>>): boolean {
  const texts = [program, ...args, ...Object.entries(env).map(([name, value]) => `${name}=${value}`)];
  const sizes = texts.map((text) => Buffer.byteLength(text));
  // A pointer and the closing zero of each count as well.
  return sizes.every((size) => size < LONGEST) && sizes.reduce((sum, size) => sum + size + 9, 0) < MOST;
}

/** Linux follows scripts whose interpreter is a script four times. */
const MOST_INTERPRETERS = 3;

function isLoadable(program: string, depth: number): boolean {
  const head = headOf(program);
  if (head === undefined) return false;
  if (head.toString('latin1', 0, 2) !== '#!')
    return process.platform === 'darwin' ? isMachO(head) : isElf(program, head);
  const line = /^#![ \t]*([^ \t\n]+)[^\n]*\n/.exec(head.toString('latin1'));
  const interpreter = line?.[1];
  return interpreter?.startsWith('/') === true && depth < MOST_INTERPRETERS && isLoadable(interpreter, depth + 1);
}

/** The first bytes of a file that may be executed; undefined when there is none. */
function headOf(program: string): Buffer | undefined {
  try {
    accessSync(program, constants.X_OK);
    return bytesOf(program, 0, 256);
  } catch {
    return undefined;
  }
}

function bytesOf(file: string, position: number, length: number): Buffer {
  const open = openSync(file, 'r');
  try {
    const bytes = Buffer.alloc(length);
    return bytes.subarray(0, readSync(open, bytes, 0, length, position));
  } finally {
    closeSync(open);
  }
}

const MACH_O = ['feedface', 'feedfacf', 'cefaedfe', 'cffaedfe', 'cafebabe'];
const isMachO = (head: Buffer): boolean => MACH_O.includes(head.toString('hex', 0, 4));

/** Of a program header in ELF-64: the kind that names the dynamic loader. */
const PT_INTERP = 3;

/** The same kind of machine code as Node itself, and a loader that is there. Only 64 bits, little end first, are looked into. */
function isElf(program: string, head: Buffer): boolean {
  if (head.toString('hex', 0, 6) !== '7f454c460201' || head.length < 64) return false;
  if (head.readUInt16LE(18) !== headOf(process.execPath)?.readUInt16LE(18)) return false;
  const [at, size, count] = [Number(head.readBigUInt64LE(32)), head.readUInt16LE(54), head.readUInt16LE(56)];
  if (size < 56 || count > 128) return false;
  const table = bytesOf(program, at, size * count);
  if (table.length < size * count) return false;
  for (let header = 0; header < table.length; header += size) {
    if (table.readUInt32LE(header) !== PT_INTERP) continue;
    const [from, length] = [table.readBigUInt64LE(header + 8), table.readBigUInt64LE(header + 32)];
    const loader = bytesOf(program, Number(from), Math.min(Number(length), 4096))
      .toString('latin1')
      .replace(/\0.*$/s, '');
    return headOf(loader) !== undefined;
  }
  return true;
}
